"""Transactions of callers who have switched autocommit off, and what waits for a commit."""

from collections.abc import Callable
from contextlib import nullcontext

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.sql.dialects import dialect
from sequere.tenants import for_tenant, tenants_of_site


def after_commit(callback: Callable[[], object], using: str) -> None:
    """Call something once the transaction is committed, never if it is rolled back; at once if there is none. What it
    raises is logged. It works for the tenant that is worked for now. No query.

    With autocommit off, Django takes callbacks inside an atomic block only, which commits nothing then: the commit is
    that of the caller, and Django calls them when autocommit is switched on again.
    """
    is_manual = _is_manual(connections[using])
    with transaction.atomic(using=using, savepoint=False) if is_manual else nullcontext():
        transaction.on_commit(callback if tenants_of_site() is None else for_tenant(callback), using=using, robust=True)


def begin(using: str) -> None:
    """Begin the transaction of a caller who has switched autocommit off, if the database does not do so by itself:
    SQLite would commit a block of its own. No statement for anybody else."""
    connection = connections[using]
    if not _is_manual(connection):
        return
    statement = dialect(connection).begin
    if statement and not connection.connection.in_transaction:
        with connection.cursor() as cursor:
            cursor.execute(statement)


def _is_manual(connection: BaseDatabaseWrapper) -> bool:
    return not (connection.in_atomic_block or connection.get_autocommit())
