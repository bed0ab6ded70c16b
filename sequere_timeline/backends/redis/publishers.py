"""Who has ever published something: a follow of them drops the private timeline of the follower."""

from collections.abc import Collection, Iterable, Sequence

from django.db import models
from django.db.models.functions import Concat
from django.db.models.lookups import Exact

from sequere.base import ResourceKey
from sequere.log.locks import KEY, Resource
from sequere.log.models import Event
from sequere.projections.reconciler import Difference
from sequere.redis.connection import Connection
from sequere.redis.scanning import ScanKeys
from sequere.sql.conditions import among
from sequere_timeline.backends.redis.comparing import TimelineComparison
from sequere_timeline.backends.redis.keys import TimelineKeys
from sequere_timeline.intents import ACTION_SAVED, SavedIn


def publishers_among(keys: Collection[ResourceKey], using: str) -> set[ResourceKey]:
    """1 query, none for no resources."""
    if not keys:
        return set()
    saved = Event.objects.using(using).filter(
        type=ACTION_SAVED,
        actor_identifier=models.OuterRef("identifier"),
        actor_object_id=models.OuterRef("object_id"),
    )
    own = Concat("actor_identifier", models.Value(":"), "actor_object_id", output_field=models.TextField())
    published = Resource.objects.using(using).filter(
        among(keys), models.Exists(saved.filter(models.Q(Exact(SavedIn(), own))))
    )
    return {ResourceKey(*key) for key in published.values_list(*KEY)}


def orphaned_publisher_keys(connection: Connection) -> ScanKeys:
    """Those who have published something according to Redis, but not according to the log."""
    keys = TimelineKeys(connection)

    def orphans(found: list[str], using: str) -> list[ResourceKey]:
        fields = connection.run(("HEXISTS", key, "published") for key in found)
        marked = [keys.owner_of(key) for key, is_there in zip(found, fields, strict=True) if is_there]
        return sorted(set(marked) - publishers_among(marked, using))

    return ScanKeys(connection, (("resource:*", "hash"),), orphans)


class PublisherComparison(TimelineComparison):
    """Removes the marks of resources that have never published anything."""

    def resources(self, keys: Sequence[ResourceKey], using: str) -> Iterable[ResourceKey]:
        return keys

    def compare(self, keys: Sequence[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        token = self._token(using, repair=repair)
        published = publishers_among(keys, using)
        marks = self._connection.run(("HEXISTS", self._keys.resource(key), "published") for key in keys)
        wrong = [key for key, is_there in zip(keys, marks, strict=True) if is_there and key not in published]
        if repair and wrong:
            writer = self._writer((), token, using)
            writer.unmark_publishers(wrong)
            writer.finish()
        return [Difference(f"that {key} has published", "none", "1") for key in wrong]
