"""Which of a peer's sections come in: by themselves, after a person's yes, or never.

Under the policy `new_sections` a section never seen before waits for a person, and all about it
waits as for any section not known yet. One that was declined stays out, whatever the policy is
later, until somebody approves it. Source: RULES 1.12.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from mnet.stored_sentences import E_, english
from peers.policy import APPROVE
from schooltool_bridge.common.ids import OWN_ID, own_id
from schooltool_bridge.events.applied import (
    SKIPPED,
    Applied,
    Held,
    Source,
    approval_key,
    assessment_key,
)
from schooltool_bridge.events.fields import AssessmentEvent, SectionEvent
from schooltool_bridge.store.model import assessment, section
from schooltool_bridge.store.model_linking import kept_out_assessment, section_decision

APPROVED, DECLINED, UNLINKED = "approved", "declined", "unlinked"
# What keeps a section out.
_OUT = (DECLINED, UNLINKED)


def admit(connection: Connection, source: Source, event: SectionEvent) -> Applied | None:
    """Decide about a section that is not here.

    Returns the answer when a person keeps it out, None when it may come in. Raises Held when
    somebody has to decide first.
    """
    decided = decision(connection, source.peer_id, event.idnumber, event.moodle_id)
    if decided in _OUT:
        return kept_out(event.idnumber, decided)
    if not event.deleted and decided is None and source.policy.new_sections == APPROVE:
        raise Held(approval_key(event.idnumber))
    return None


def about(
    connection: Connection, peer_id: int, sectionid: str, moodle_id: str | None
) -> Applied | None:
    """Return the answer to an event about a section that is kept out; None: it is not."""
    decided = decision(connection, peer_id, sectionid, moodle_id)
    return kept_out(sectionid, decided) if decided in _OUT else None


def keep_out(connection: Connection, peer_id: int, event: AssessmentEvent, of: Applied) -> Applied:
    """Remember an assessment of a section that is kept out, for its grades; return the answer."""
    names = names_of(event.idnumber, event.moodle_id)
    keep_out_assessment(connection, peer_id, names, event.sectionid)
    return of._replace(ready=tuple(assessment_key(name) for name in names))


def keep_out_assessment(
    connection: Connection, peer_id: int, names: Iterable[str], sectionid: str
) -> None:
    """Let nothing in that a peer tells about an assessment of a section of its own."""
    for name in names:
        mine = sa.and_(
            kept_out_assessment.c.peer_id == peer_id, kept_out_assessment.c.idnumber == name
        )
        values = {"sectionid": sectionid}
        if not connection.execute(
            sa.update(kept_out_assessment).where(mine).values(values)
        ).rowcount:
            row = {"peer_id": peer_id, "idnumber": name, **values}
            connection.execute(sa.insert(kept_out_assessment), row)


def of_assessment(connection: Connection, peer_id: int, assessmentid: str) -> Applied | None:
    """Return the answer to an event about an assessment that is kept out; None: it is not."""
    mine = (kept_out_assessment.c.peer_id == peer_id, kept_out_assessment.c.idnumber)
    found = sa.select(kept_out_assessment.c.sectionid).where(mine[0], mine[1] == assessmentid)
    sectionid = connection.execute(found).scalar()
    if sectionid is None:
        return None
    decided = decision(connection, peer_id, sectionid)
    return kept_out(sectionid, decided) if decided in _OUT else _cut(assessmentid)


def new_assessment(
    connection: Connection, peer_id: int, event: AssessmentEvent, home_id: int
) -> Applied | None:
    """Return the answer to an assessment that is not here, where a person cut it; None: it comes.

    The number of one that was cut may have been given again, as a copied course's is: the former
    goes by Moodle's own id from then on. In the same section (`home_id`) it is one that was
    restored.
    """
    own = own_id(event.idnumber, event.moodle_id)
    table, number = assessment.c, (peer_id, event.idnumber)
    mine = (sa.tuple_(table.peer_id, table.idnumber) == number, table.unlinked)
    former = connection.execute(sa.select(assessment).where(*mine)).first()
    if former is not None and own and former.moodle_id not in (None, own):
        sent, last = event.when.timemodified, (former.effective_unix_s, former.seq)
        is_older = sent is not None and (sent, event.when.seq) < last
        if not is_older and former.section_id != home_id:
            its = {"idnumber": OWN_ID + former.moodle_id}
            connection.execute(sa.update(assessment).where(table.id == former.id).values(its))
            kept = kept_out_assessment.c
            of_number = sa.tuple_(kept.peer_id, kept.idnumber) == number
            connection.execute(sa.delete(kept_out_assessment).where(of_number))
    names = names_of(event.idnumber, event.moodle_id)
    found = (of_assessment(connection, peer_id, name) for name in names)
    return next(filter(None, found), None)


def kept_out(sectionid: str, decided: str) -> Applied:
    """Answer an event that a person's decision about a section keeps out."""
    message = english(
        _UNLINKED if decided == UNLINKED else _DECLINED,
        section=repr(sectionid),
    )
    return Applied(SKIPPED, 0, message)


def _cut(assessmentid: str) -> Applied:
    message = english(
        "Assessment %(assessment)s is linked with your site no more: somebody here cut it off.",
        assessment=repr(assessmentid),
    )
    return Applied(SKIPPED, 0, message)


_DECLINED = E_("Somebody at this site decided not to take in section %(section)s.")
_UNLINKED = E_(
    "Section %(section)s is linked with your site no more: somebody here cut it off, and decides "
    "whether it is linked again."
)


def decision(
    connection: Connection, peer_id: int, sectionid: str, moodle_id: str | None = None
) -> str | None:
    """Return what was decided last about a section, by any of its names; None: nothing."""
    table, own = section_decision.c, own_id(sectionid, moodle_id)
    named: list[sa.ColumnElement[bool]] = [table.idnumber == sectionid]
    if own:  # not of another course that had the number before
        named = [sa.and_(*named, sa.or_(table.moodle_id.is_(None), table.moodle_id == own))]
    named += [table.moodle_id == own] if own else []
    latest = sa.select(table.decision).where(table.peer_id == peer_id, sa.or_(*named))
    found: str | None = connection.execute(latest.order_by(table.id.desc()).limit(1)).scalar()
    if found is None and own and _has_number_of_cut(connection, peer_id, sectionid):
        return UNLINKED
    return found


def _has_number_of_cut(connection: Connection, peer_id: int, sectionid: str) -> bool:
    """Tell whether a section that is cut from its peer has a number still, which is to stay so."""
    mine = (section.c.peer_id == peer_id, section.c.idnumber == sectionid, section.c.unlinked)
    return connection.execute(sa.select(section.c.id).where(*mine)).first() is not None


def names_of(idnumber: str, moodle_id: str | None) -> tuple[str, ...]:
    """Return by which ids other events may name a thing."""
    own = own_id(idnumber, moodle_id)
    return tuple(dict.fromkeys((idnumber, *([OWN_ID + own] if own else []))))


def forget_assessments(
    connection: Connection, peer_id: int, sectionids: Iterable[str], *, but: Collection[str] = ()
) -> list[str]:
    """Keep the assessments of a section out no longer, `but` some; return how they were named."""
    mine = sa.and_(
        kept_out_assessment.c.peer_id == peer_id,
        kept_out_assessment.c.sectionid.in_(list(sectionids)),
        kept_out_assessment.c.idnumber.not_in(list(but)),
    )
    found = sa.select(kept_out_assessment.c.idnumber).where(mine)
    names = list(connection.execute(found).scalars())
    connection.execute(sa.delete(kept_out_assessment).where(mine))
    return names
