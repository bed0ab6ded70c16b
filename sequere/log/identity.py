"""The identity of the log: by it, a server knows whether what it holds was made of this log or of another one."""

from uuid import uuid4

from django.db import connections, models

from sequere.tenants import current_tenant


class Log(models.Model):
    """The one row about the log as a whole. It is made when the tables are, and again when a database was flushed."""

    number = models.PositiveSmallIntegerField(primary_key=True, default=1)
    #: Another one for each log: a copy of a database has the same, an emptied one another.
    identity = models.UUIDField(default=uuid4)

    class Meta:
        app_label = "sequere"

    def __str__(self) -> str:
        return str(self.identity)


#: Where a log is: the alias of its database, the schema there, and the tenant.
LogAt = tuple[str, str | None, str | None]

#: As this process knows them.
_known: dict[LogAt, str] = {}


def log_at(using: str) -> LogAt:
    """Where the log is that this process works with. No query: a schema is known as packages such as django-tenants
    note it on a connection."""
    return using, getattr(connections[using], "schema_name", None), current_tenant()


def log_id(using: str, *, afresh: bool = False) -> str:
    """The identity of the log. 1 query in the life of a process, and whenever it is asked for `afresh`."""
    at = log_at(using)
    if afresh or at not in _known:
        log, _ = Log.objects.using(using).get_or_create(number=1)
        _known[at] = log.identity.hex
    return _known[at]


def lock_log(using: str) -> None:
    """Wait until nobody else takes over a server for this log; others wait until the transaction ends. 1 query."""
    Log.objects.using(using).select_for_update().filter(number=1).first()
