"""The first schema: keys, peers, accounts, journal and SIS."""

from alembic import op

from mnet.database import metadata
from schooltool_bridge.model import ENROLMENT_STATES, enrolment_state
from schooltool_bridge.model_guards import guards_on

revision = "0001"
down_revision = None


def upgrade() -> None:
    # While there is one version only, the definitions in the packages are this version; the
    # second one starts by writing them down here.
    metadata.create_all(op.get_bind())
    op.bulk_insert(enrolment_state, list(ENROLMENT_STATES))
    guards_on(op.get_bind())


def downgrade() -> None:
    metadata.drop_all(op.get_bind())
