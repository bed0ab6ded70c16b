"""INSERT … ON CONFLICT, where the ORM has no words for what happens to the row that is there."""

from collections.abc import Sequence

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


def insert_into(connection: BaseDatabaseWrapper, model: type[models.Model], columns: Sequence[str]) -> str:
    """`INSERT INTO table (columns)`, to be followed by VALUES or SELECT."""
    quote = connection.ops.quote_name
    return f"INSERT INTO {quote(model._meta.db_table)} ({', '.join(map(quote, columns))})"


def on_conflict(
    connection: BaseDatabaseWrapper, model: type[models.Model], unique: Sequence[str], **changes: str
) -> str:
    """What becomes of a row with the same `unique` columns: {old} and {new} in a change are its two values.

    PostgreSQL and SQLite say ON CONFLICT; MariaDB would say ON DUPLICATE KEY UPDATE.
    """
    quote = connection.ops.quote_name
    table = quote(model._meta.db_table)
    assignments = ", ".join(
        f"{quote(column)} = {change.format(old=f'{table}.{quote(column)}', new=f'EXCLUDED.{quote(column)}')}"
        for column, change in changes.items()
    )
    return f"ON CONFLICT ({', '.join(map(quote, unique))}) DO UPDATE SET {assignments}"


def on_conflict_lock(connection: BaseDatabaseWrapper, unique: Sequence[str]) -> str:
    """Leave a row with the same `unique` columns as it is, and lock it."""
    first, *rest = map(connection.ops.quote_name, unique)
    return f"ON CONFLICT ({', '.join([first, *rest])}) DO UPDATE SET {first} = NULL WHERE false"
