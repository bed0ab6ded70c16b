"""The rows that are locked before anything around a resource changes, and the uids that stand in them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from django.db import connections, models, transaction

from sequere.base import ResourceKey
from sequere.log.numbers import KIND, number_names
from sequere.log.troubles import explaining
from sequere.registry import IDENTIFIER_MAX_LENGTH, OBJECT_ID_MAX_LENGTH
from sequere.sql.chunks import chunks
from sequere.sql.dialects import dialect
from sequere.sql.rows import fields_of, given
from sequere.sql.statements import statement


class Resource(models.Model):
    """A resource that some event names. The row is there to be locked, and gives it its uid in the read models."""

    uid = models.BigAutoField(primary_key=True)
    identifier = models.CharField(max_length=IDENTIFIER_MAX_LENGTH)
    object_id = models.CharField(max_length=OBJECT_ID_MAX_LENGTH)
    #: What the log says, changed in the transaction of the event (`log/suspensions.py`).
    is_suspended = models.BooleanField(default=False, db_default=False)

    class Meta:
        app_label = "sequere"
        # Partial: few rows are suspended, so the question costs next to nothing.
        indexes = (
            models.Index(fields=["uid"], condition=models.Q(is_suspended=True), name="sequere_resource_suspended"),
        )
        constraints = (models.UniqueConstraint(fields=["identifier", "object_id"], name="sequere_resource_key"),)

    def __str__(self) -> str:
        return str(ResourceKey(self.identifier, self.object_id))


KEY = ("identifier", "object_id")

FoundT = TypeVar("FoundT", bound=Collection[Any])

_LOCK = "SELECT sequere_lock_resources(%s::text[], %s::text[])"


def keys_of(uids: Iterable[int], using: str) -> dict[int, ResourceKey]:
    """The keys of the resources with these uids, without those that do not exist. 1 query for every 500."""
    return {
        uid: ResourceKey(*key)
        for chunk in chunks(uids, 500)
        for uid, *key in Resource.objects.using(using).filter(uid__in=chunk).values_list("uid", *KEY)
    }


def uids_of(keys: Iterable[ResourceKey], using: str) -> dict[ResourceKey, int]:
    """The uids of resources, without those that no event names. 1 query."""
    select, values = given(connections[using], fields_of(Resource, KEY), sorted(set(keys)))
    with connections[using].cursor() as cursor:
        cursor.execute(_texts(using).find.replace("{given}", select), values)
        return {ResourceKey(*key): uid for uid, *key in cursor.fetchall()}


def lock(keys: Iterable[ResourceKey], using: str) -> dict[ResourceKey, int]:
    """Lock resources until the end of the transaction, and create those that are missing; returns their uids.

    A transaction locks everything it needs in one call. It creates what is missing in the order of the keys (that of
    Python, whatever the collation of the database), and waits there for others that create the same; then it locks
    all in the order of their uids. Nobody who creates waits for a lock, so nobody waits in a circle. 1 statement on
    databases with functions; elsewhere 2, and 3 if something is missing.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    connection = connections[using]
    if dialect(connection).has_routines:
        with explaining(wanted, using), connection.cursor() as cursor:
            cursor.execute(_LOCK, [*map(list, zip(*wanted, strict=True))])
            ((uids,),) = cursor.fetchall()
        return dict(zip(wanted, uids, strict=True))
    select, values = given(connection, fields_of(Resource, KEY), wanted)
    with explaining(wanted, using):
        return {ResourceKey(*key): uid for uid, *key in _lock(select, values, using, _texts(using).lock)}


def lock_all(names: models.QuerySet[Any, Any], using: str) -> None:
    """The same for the distinct KEYs that a query names. However many they are, none passes through Python."""
    named, values = names.query.get_compiler(using).as_sql()
    _lock(named, values, using, _texts(using).lock_all)


def lock_found(find: Callable[[], FoundT], take: Callable[[FoundT], object], using: str) -> FoundT:
    """Find something, take the locks that it needs, and find it again; returns what was found then.

    Locks are only taken in one call, so those that are held are released first if more was found, which has come while
    they were waited for.
    """
    found = find()
    while True:
        with transaction.atomic(using=using):
            take(found)
            now = find()
            if set(now) <= set(found):
                return now
            transaction.set_rollback(True, using)
        found = now


def _lock(select: str, values: Sequence[Any], using: str, lock_text: str) -> list[tuple[Any, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(_texts(using).create.replace("{given}", select), values)
        created = {kind for (kind,) in cursor.fetchall()}
        if created:
            number_names(KIND, created, using)
        cursor.execute(lock_text.replace("{given}", select), values)
        locked: list[tuple[Any, ...]] = cursor.fetchall()
        return locked


class _Texts(NamedTuple):
    """The statements for one database, with {given} for the resources."""

    find: str
    create: str
    lock: str
    #: Answers only how many there are.
    lock_all: str


@cache
def _texts(using: str) -> _Texts:
    words = dialect(connections[using])
    resource = words.table(Resource)
    same_key = " AND ".join(f"r.{column} = given.{column}" for column in KEY)
    joined = f"FROM ({{given}}) given {words.join} {words.join_row(resource, 'r', same_key)}"
    found = f"SELECT r.uid {joined}"
    locking = statement(__package__, "lock_resources").format(among=words.is_among(found), lock=words.lock)
    return _Texts(
        find=f"SELECT r.uid, r.identifier, r.object_id {joined}",
        create=statement(__package__, "create_resources").format(
            given="{given}",
            insert=words.insert_into(Resource, KEY),
            order=", ".join(f"{column} COLLATE {words.order_of_python}" for column in KEY),
            ignore=words.on_conflict_ignore(*KEY),
        ),
        lock=locking,
        lock_all=f"SELECT COUNT(*) FROM ({locking}) AS locked",
    )
