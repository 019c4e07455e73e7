"""The migrations, run one after the other, make exactly the tables that the packages define."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from mnet.database import Database, metadata
from schooltool_bridge import storage


def test_the_migrations_make_what_the_definitions_say(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    storage.upgrade(database)
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == storage.HEAD
    assert storage.schema(database) == storage.HEAD
    database.close()
