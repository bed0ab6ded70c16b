"""How often each resource was deleted, which filters by a target ask for."""

from collections.abc import Iterable, Sequence

from sequere.base import ResourceKey
from sequere.log.models import Event, EventQuerySet
from sequere.log.reading import latest_of
from sequere.log.streams import lifecycle
from sequere.projections.reconciler import Difference, RowKeys
from sequere.relations.intents import DELETED
from sequere_timeline.backends.redis.comparing import Expected, TimelineComparison, actors
from sequere_timeline.backends.redis.names import of_generation


def _first_deletions(using: str) -> EventQuerySet:
    return Event.objects.using(using).filter(type=DELETED, version=1)


#: All resources that were ever deleted.
DELETED_KEYS = RowKeys(_first_deletions, actors, also=("actor_identifier", "actor_object_id"))


class GenerationComparison(TimelineComparison):
    """Compares the generations of resources."""

    def resources(self, keys: Sequence[ResourceKey], using: str) -> Iterable[ResourceKey]:
        return keys

    def compare(self, keys: Sequence[ResourceKey], using: str, *, repair: bool) -> list[Difference]:
        token = self._token(using, repair=repair)
        versions = {event.actor: event.version for event in latest_of(map(lifecycle, keys), using).values()}
        differences = self._differences(
            [
                Expected(f"generation of {key}", ("HGET", self._keys.names, of_generation(key)), str(versions[key]))
                for key in keys
            ]
        )
        wrong = [key for key, difference in zip(keys, differences, strict=True) if difference]
        if repair:
            writer = self._writer((), token, using)
            writer.store_generations({key: versions[key] for key in wrong})
            writer.finish()
        return list(filter(None, differences))
