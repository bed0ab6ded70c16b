"""The words in which databases differ. Everything that depends on the vendor of a database stands here.

A new database needs a module beside these two, a row below, and the triggers of the log (`sequere/log/sql/`).
"""

from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.sql.dialects.base import Dialect
from sequere.sql.dialects.postgresql import PostgreSQL
from sequere.sql.dialects.sqlite import SQLite

__all__ = ["Dialect", "dialect", "is_supported"]

_DIALECTS: dict[str, Dialect] = {"postgresql": PostgreSQL(), "sqlite": SQLite()}


def dialect(connection: BaseDatabaseWrapper) -> Dialect:
    """What the database of a connection speaks."""
    return _DIALECTS[connection.vendor]


def is_supported(connection: BaseDatabaseWrapper) -> bool:
    """Whether Sequere can work with the database of a connection."""
    return connection.vendor in _DIALECTS
