"""Alembic's entry: runs on the connection that schooltool_bridge.store.storage hands over."""

from alembic import context

from mnet.database import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
