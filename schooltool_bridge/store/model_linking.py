"""Tables of what a person decided about what peers bring: taken in, kept out, cut off.

Only definitions; what they mean stands in events/admitting.py. Source: RULES 1.12.
"""

from __future__ import annotations

import sqlalchemy as sa

from mnet.database import metadata
from schooltool_bridge.store.model import ACTOR_CHARS, ID_CHARS, NAME

# Rows are only added; of a section's the latest one counts.
section_decision = sa.Table(
    "section_decision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("peer_id", sa.ForeignKey("peer.id"), nullable=False),
    # As the peer calls it, and Moodle's own id of it.
    sa.Column("idnumber", sa.String(ID_CHARS), nullable=False),
    sa.Column("moodle_id", sa.String(ID_CHARS), nullable=True),
    sa.Column("name", NAME, nullable=False),
    # approved | declined | unlinked
    sa.Column("decision", sa.String(20), nullable=False),
    sa.Column("recorded_unix_s", sa.BigInteger, nullable=False),
    sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Index("ix_section_decision_peer_id_idnumber", "peer_id", "idnumber"),
    sa.Index("ix_section_decision_peer_id_moodle_id", "peer_id", "moodle_id"),
)

# Assessments of a section that is kept out: their grades name no section.
kept_out_assessment = sa.Table(
    "kept_out_assessment",
    metadata,
    sa.Column("peer_id", sa.ForeignKey("peer.id"), primary_key=True),
    # As the peer calls the assessment; once more for Moodle's own id, as #42.
    sa.Column("idnumber", sa.String(ID_CHARS), primary_key=True),
    # As the assessment named its section.
    sa.Column("sectionid", sa.String(ID_CHARS), nullable=False),
    sa.Index("ix_kept_out_assessment_peer_id_sectionid", "peer_id", "sectionid"),
)

# When something was cut from its peer, or linked with it again; rows are only added.
link_change = sa.Table(
    "link_change",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    # section | assessment | person_link
    sa.Column("kind", sa.String(20), nullable=False),
    # Our id of the section, the assessment or the link.
    sa.Column("thing_id", sa.Integer, nullable=False),
    sa.Column("unlinked", sa.Boolean, nullable=False),
    sa.Column("recorded_unix_s", sa.BigInteger, nullable=False),
    sa.Column("by_actor", sa.String(ACTOR_CHARS), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Index("ix_link_change_kind_thing_id", "kind", "thing_id"),
)
