"""Who may do what in the admin pages. Pure.

A manager does everything; a clerk looks after people, sections and the inbox and sees how the
peers are. The school's people have no role here: sign_on/own_access.py. Source: RULES 1.7 (roles).
"""

from __future__ import annotations

from mnet.language import N_
from peers.accounts import CLERK, MANAGER

_RANK = {CLERK: 1, MANAGER: 2}

TITLES = {MANAGER: N_("Site manager"), CLERK: N_("Clerk")}


def allows(role: str, needed: str) -> bool:
    """Tell whether somebody with `role` may do what needs `needed`; a role unknown may nothing."""
    return role in _RANK and _RANK[role] >= _RANK[needed]
