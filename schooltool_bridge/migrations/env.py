"""Alembic's entry: runs on the connection that schooltool_bridge.store.storage hands over."""

from alembic import context

from mnet.database import metadata
from schooltool_bridge.events.refold_after_upgrade import refold

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
before = context.get_context().get_current_revision()
with context.begin_transaction():
    context.run_migrations()
    # By this program's rules, so only once the schema is this program's.
    if before is not None:
        refold(connection, before)
