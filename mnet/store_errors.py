"""What a database raises, as errors of one kind, whichever way a statement went to its driver.

SQLAlchemy wraps what its own statements raise; what goes straight to the driver (BEGIN, COMMIT,
mnet/prepared.py) raises the driver's own. Whoever catches knows the wrapped ones only.
Source: PROTOCOL.md section 8 (8503).
"""

from __future__ import annotations

from sqlalchemy.engine import Dialect
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree

# Everything that a store in trouble raises.
STORE_ERRORS = (DBAPIError, NoConnectionFree)
# What a store raises for what is to be written, not for the state it is in.
BY_WHAT_IS_WRITTEN = (IntegrityError, DataError, ProgrammingError)
# What may be over with a second try: it met another transaction, the store could not be used, or
# more care leaves out what it refused.
PASSING = (*BY_WHAT_IS_WRITTEN, OperationalError, NoConnectionFree)


def wrapped(problem: Exception, dialect: Dialect) -> Exception:
    """Return a driver's own error as SQLAlchemy's, and any other as it is.

    It names neither statement nor values: they may be somebody's.
    """
    driver_error = dialect.loaded_dbapi.Error
    if not isinstance(problem, driver_error):
        return problem
    return DBAPIError.instance(
        None, None, problem, driver_error, hide_parameters=True, dialect=dialect
    )


def busy(dialect: Dialect) -> Exception:
    """Make what SQLite itself raises when other writers take too long; here they are our own."""
    busy: Exception = dialect.loaded_dbapi.OperationalError("other writers take long")
    busy.sqlite_errorname = "SQLITE_BUSY"  # type: ignore[attr-defined] # only some drivers have it
    return busy


def name_of(problem: BaseException) -> str:
    """Name an error of the store for the log: its kind and the database's own code, no values."""
    orig = getattr(problem, "orig", None) or problem
    code = getattr(orig, "sqlite_errorname", None) or getattr(orig, "sqlstate", None)
    return " ".join(filter(None, (type(orig).__name__, code)))
