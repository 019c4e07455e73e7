"""What a transaction wrote is kept, however its statements reached the driver."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from mnet.database import Database
from mnet.prepared import Prepared

_TABLE = sa.Table("kept", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
_INSERT = Prepared(sa.insert(_TABLE).values(id=sa.bindparam("new_id")))


@pytest.mark.parametrize("way", ["write", "apply"])
@pytest.mark.parametrize("also_ordinary", [False, True])
def test_prepared_statements_alone_are_committed(
    empty_database_url: str, way: str, *, also_ordinary: bool
) -> None:
    database = Database(empty_database_url)

    def work(connection: sa.Connection) -> None:
        if also_ordinary:
            connection.execute(sa.select(sa.literal(1)))
        _INSERT.run(connection, {"new_id": 1})

    with database.write() as connection:
        _TABLE.create(connection)
    if way == "apply":
        database.apply(work)
    else:
        with database.write() as connection:
            work(connection)
    with database.read() as connection:
        kept = connection.execute(sa.select(_TABLE.c.id)).scalars().all()
    database.close()
    assert kept == [1]
