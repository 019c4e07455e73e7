"""Alembic's entry: runs on the connection that schooltool_bridge.store.storage hands over."""

from alembic import context

from mnet.database import metadata
from schooltool_bridge.migrations.upgrading import fold_anew

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
before = context.get_context().get_current_revision()
with context.begin_transaction():
    context.run_migrations()
    if before is not None:
        fold_anew(connection, before)
