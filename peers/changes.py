"""What an admin may change about peers: each change checked, made and entered in the audit trail.

Used by commands and pages alike. Every function works in the caller's transaction, so that a
change and its entry are kept together or not at all; none asks a network. What changes how a
peer is to be spoken to drops what its last verification found. `actor` is who did it
(peers/audit.py). All raise NotPossible, with a sentence for that person.
Source: RULES R15-R18, R22.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy.engine import Connection

from keys.certificate import PeerCertificate, check_subject
from mnet.language import N_, _
from mnet.protocol import SERVICES, KeyCame, check_wwwroot
from mnet.refusal import Refusal
from peers import account_sign_on, checks, store
from peers.audit import By
from peers.policy import PeerPolicy
from peers.store import StoredCertificate, StoredPeer

LABELS = (store.PRODUCTION, store.TEST)


class NotPossible(Refusal, ValueError):
    """The change was refused and nothing was changed; the text says why and what to do."""


def add_peer(
    connection: Connection,
    by: By,
    *,
    wwwroot: str,
    our_wwwroot: str,
    name: str,
    application: str,
    certificate: PeerCertificate,
    origin: str,
    state: str = store.ENABLED,
    label: str = store.PRODUCTION,
) -> int:
    """Register a site whose certificate an admin confirmed, or take up a removed one; its id.

    `origin` says how the certificate came: keyswap | file. Raises NotPossible,
    mnet.protocol.BadWwwroot and keys.certificate.WrongSubject.
    """
    wwwroot = check_wwwroot(wwwroot)
    check_subject(certificate, wwwroot)
    check_free(connection, wwwroot, our_wwwroot)
    _label(label)
    peer_id = store.add(
        connection,
        wwwroot=wwwroot,
        name=name,
        application=application,
        state=state,
        now_unix_s=by.now_unix_s,
    )
    store.set_columns(connection, peer_id, label=label)
    _take(connection, peer_id, certificate, origin, by.now_unix_s)
    detail = {
        "name": name,
        "application": application,
        "state": state,
        "label": label,
        "fingerprint": certificate.fingerprint,
        "certificate from": origin,
    }
    by.note(connection, N_("peer added"), wwwroot, detail)
    return peer_id


def remove_peer(connection: Connection, by: By, peer_id: int) -> None:
    """Take a peer's rights and aliases away at once; what it brought stays."""
    peer = _peer(connection, peer_id)
    store.set_state(connection, peer_id, store.DELETED)
    checks.forget(connection, peer_id)
    account_sign_on.forget_peer(connection, peer_id)
    detail = {
        "published": peer.published,
        "subscribed": peer.subscribed,
        "aliases": peer.aliases,
    }
    by.note(connection, N_("peer removed"), peer.wwwroot, detail)


def set_enabled(connection: Connection, by: By, peer_id: int, *, enabled: bool) -> None:
    """Turn a peer's master switch; a disabled one's events get fault 8403."""
    peer = _peer(connection, peer_id)
    state = store.ENABLED if enabled else store.DISABLED
    if peer.state == state:
        return
    store.set_state(connection, peer_id, state)
    action = N_("peer enabled") if enabled else N_("peer disabled")
    by.note(connection, action, peer.wwwroot, {})


def set_services(
    connection: Connection,
    by: By,
    peer_id: int,
    *,
    publish: Collection[str] | None = None,
    subscribe: Collection[str] | None = None,
) -> StoredPeer:
    """Replace what is published to a peer or subscribed from it, or both; None leaves one as is."""
    before = _peer(connection, peer_id)
    for name in (*(publish or ()), *(subscribe or ())):
        if name not in SERVICES:
            raise NotPossible(
                _(
                    "There is no service %(name)s; there are: %(known)s.",
                    name=repr(name),
                    known=", ".join(SERVICES),
                )
            )
    store.set_services(connection, peer_id, publish=publish, subscribe=subscribe)
    after = _peer(connection, peer_id)
    if (before.published, before.subscribed) != (after.published, after.subscribed):
        checks.forget(connection, peer_id)
        detail = {
            "published": {"before": before.published, "after": after.published},
            "subscribed": {"before": before.subscribed, "after": after.subscribed},
        }
        by.note(connection, N_("services changed"), after.wwwroot, detail)
    return after


def set_policy(
    connection: Connection, by: By, peer_id: int, *, values: Mapping[str, str]
) -> PeerPolicy:
    """Change some of a peer's policies, named and written as in peers/policy.py.

    Returns all that hold afterwards; raises peers.policy.BadPolicy.
    """
    peer = _peer(connection, peer_id)
    wanted = {**peer.policy, **values}
    policy = PeerPolicy.from_stored(wanted)
    changed = {k: v for k, v in values.items() if peer.policy.get(k) != v}
    if changed:
        store.set_columns(connection, peer_id, policy=wanted)
        if policy.tls != PeerPolicy.from_stored(peer.policy).tls:
            checks.forget(connection, peer_id)
        detail = {
            k: {"before": peer.policy.get(k, "default"), "after": changed[k]} for k in changed
        }
        by.note(connection, N_("policy changed"), peer.wwwroot, detail)
    return policy


def add_alias(
    connection: Connection, by: By, peer_id: int, *, wwwroot: str, our_wwwroot: str
) -> None:
    """Let a peer be known under one more address."""
    peer = _peer(connection, peer_id)
    wwwroot = check_wwwroot(wwwroot)
    check_free(connection, wwwroot, our_wwwroot, removed_too=True)
    store.add_alias(connection, peer_id, wwwroot)
    store.forget_pending(connection, wwwroot)
    by.note(connection, N_("address added"), peer.wwwroot, {"address": wwwroot})


def remove_alias(connection: Connection, by: By, peer_id: int, *, wwwroot: str) -> None:
    """Let a peer no longer be known under one of its further addresses."""
    peer = _peer(connection, peer_id)
    if wwwroot not in peer.aliases:
        raise NotPossible(
            _(
                "%(address)s is no further address of %(peer)s; it has: %(known)s.",
                address=wwwroot,
                peer=peer.wwwroot,
                known=", ".join(peer.aliases) or _("none"),
            )
        )
    store.remove_alias(connection, peer_id, wwwroot)
    by.note(connection, N_("address removed"), peer.wwwroot, {"address": wwwroot})


def rename_peer(
    connection: Connection,
    by: By,
    peer_id: int,
    *,
    wwwroot: str,
    our_wwwroot: str,
    certificate: PeerCertificate,
) -> None:
    """Move a peer to a new address with all its data; the old address becomes an alias.

    `certificate` names the new address and was confirmed by the admin. Raises NotPossible,
    mnet.protocol.BadWwwroot and keys.certificate.WrongSubject.
    """
    peer = _peer(connection, peer_id)
    wwwroot = check_wwwroot(wwwroot)
    if wwwroot == peer.wwwroot:
        raise NotPossible(_("%(address)s is its address already.", address=wwwroot))
    check_subject(certificate, wwwroot)
    if wwwroot in peer.aliases:
        store.remove_alias(connection, peer_id, wwwroot)
    check_free(connection, wwwroot, our_wwwroot, removed_too=True)
    known = peer.certificate()
    store.set_columns(connection, peer_id, wwwroot=wwwroot)
    checks.forget(connection, peer_id)
    store.add_alias(connection, peer_id, peer.wwwroot)
    store.forget_pending(connection, wwwroot)
    if known is None or known.fingerprint != certificate.fingerprint:
        _take(connection, peer_id, certificate, KeyCame.ADMIN.value, by.now_unix_s)
    detail = {
        "address before": peer.wwwroot,
        "address after": wwwroot,
        "fingerprint before": known.fingerprint if known else None,
        "fingerprint after": certificate.fingerprint,
    }
    by.note(connection, N_("peer moved"), wwwroot, detail)


def accept_key(
    connection: Connection, by: By, peer_id: int, *, fingerprint: str
) -> StoredCertificate:
    """Believe the key that a peer has on offer; `fingerprint` is its SHA-256 in plain hex."""
    peer = _peer(connection, peer_id)
    offered, known = peer.certificate(store.OFFERED), peer.certificate()
    if offered is None:
        raise NotPossible(_("%(peer)s has no new key on offer.", peer=peer.wwwroot))
    if offered.fingerprint != fingerprint:
        raise NotPossible(
            _(
                "The key on offer has fingerprint %(fingerprint)s, not that one.",
                fingerprint=offered.fingerprint,
            )
        )
    _take(connection, peer_id, offered, KeyCame.ADMIN.value, by.now_unix_s)
    detail = {
        "came by": offered.origin,
        "before": known.fingerprint if known else None,
        "after": offered.fingerprint,
    }
    by.note(connection, N_("key accepted"), peer.wwwroot, detail)
    return offered


def set_label(connection: Connection, by: By, peer_id: int, *, label: str) -> None:
    """Say whether a peer is one for production or for tests."""
    peer = _peer(connection, peer_id)
    _label(label)
    if peer.label == label:
        return
    store.set_columns(connection, peer_id, label=label)
    detail = {"before": peer.label, "after": label}
    by.note(connection, N_("label changed"), peer.wwwroot, detail)


def dismiss_pending(connection: Connection, by: By, *, wwwroot: str) -> None:
    """Drop a stranger that waits for a decision; it may knock again."""
    if all(waiting.wwwroot != wwwroot for waiting in store.pending(connection)):
        raise NotPossible(_("%(address)s is not waiting.", address=wwwroot))
    store.forget_pending(connection, wwwroot)
    by.note(connection, N_("stranger dismissed"), wwwroot, {})


def check_free(
    connection: Connection, wwwroot: str, our_wwwroot: str, *, removed_too: bool = False
) -> None:
    """See that nobody has an address; of removed peers only with `removed_too`.

    Raises NotPossible.
    """
    if wwwroot == our_wwwroot:
        raise NotPossible(_("That is this site's own address."))
    owner = store.find(connection, wwwroot)
    if owner is None:
        return
    if owner.state != store.DELETED:
        raise NotPossible(
            _(
                "%(address)s belongs to a peer already; look at %(peer)s instead.",
                address=wwwroot,
                peer=owner.wwwroot,
            )
        )
    if removed_too:
        raise NotPossible(
            _(
                "%(address)s belongs to a removed peer, whose data is kept under it. Add that one "
                "again instead, if it is the same site.",
                address=wwwroot,
            )
        )


def _peer(connection: Connection, peer_id: int) -> StoredPeer:
    found = store.by_id(connection, peer_id)
    if found is None or found.state == store.DELETED:
        raise NotPossible(_("This peer is not there any more; somebody removed it."))
    return found


def _label(label: str) -> None:
    if label not in LABELS:
        one, other = LABELS
        raise NotPossible(
            _(
                "A label is %(one)s or %(other)s, not %(label)s.",
                one=one,
                other=other,
                label=repr(label),
            )
        )


def _take(
    connection: Connection,
    peer_id: int,
    certificate: PeerCertificate | StoredCertificate,
    origin: str,
    now_unix_s: int,
) -> None:
    checks.forget(connection, peer_id)
    store.set_certificate(
        connection,
        peer_id,
        pem=certificate.pem,
        fingerprint=certificate.fingerprint,
        origin=origin,
        now_unix_s=now_unix_s,
    )
