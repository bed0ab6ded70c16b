"""The identity of the log: by it, a server knows whether what it holds was made of this log or of another one."""

from uuid import uuid4

from django.db import models


class Log(models.Model):
    """The one row about the log as a whole. It is made when the tables are, and again when a database was flushed."""

    number = models.PositiveSmallIntegerField(primary_key=True, default=1)
    #: Another one for each log: a copy of a database has the same, an emptied one another.
    identity = models.UUIDField(default=uuid4)

    class Meta:
        app_label = "sequere"

    def __str__(self) -> str:
        return str(self.identity)


#: As this process knows them, by the alias of the database.
_known: dict[str, str] = {}


def log_id(using: str, *, afresh: bool = False) -> str:
    """The identity of the log. 1 query in the life of a process, and whenever it is asked for `afresh`."""
    if afresh or using not in _known:
        log, _ = Log.objects.using(using).get_or_create(number=1)
        _known[using] = log.identity.hex
    return _known[using]


def lock_log(using: str) -> None:
    """Wait until nobody else takes over a server for this log; others wait until the transaction ends. 1 query."""
    Log.objects.using(using).select_for_update().filter(number=1).first()
