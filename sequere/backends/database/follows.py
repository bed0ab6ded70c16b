"""The reconcilers of follows: the relations that the log knows, and stored follows that it does not know."""

from collections.abc import Iterable, Sequence
from functools import cached_property, partial
from typing import Any

from django.db import models

from sequere.backends.database.models import Follow
from sequere.backends.database.statements import FollowStatements
from sequere.base import ResourceKey
from sequere.log.models import Event
from sequere.projections.reconciler import Comparison, Difference, OrphanKeys, Reconciler, SpanKeys
from sequere.relations import recorded
from sequere.relations.key import FOLLOWS, RelationKey
from sequere.relations.types import FOLLOW
from sequere.sql.conditions import among


class RelationPage:
    """Some relations, between two resources whose columns have these prefixes."""

    def __init__(self, rows: models.QuerySet[Any], from_: str, to: str) -> None:
        self._from, self._to = from_, to
        self._rows = rows.order_by()

    @cached_property
    def followers(self) -> list[ResourceKey]:
        """Those who follow in them. Read once."""
        return [
            ResourceKey(*row)
            for row in self._rows.values_list(f"{self._from}identifier", f"{self._from}object_id").distinct()
        ]

    def now(self, using: str) -> FollowStatements:
        """All of them."""
        return self._statements(self._rows, using)

    def of_followers(self, using: str) -> FollowStatements:
        """Without those of followers that have come since, which are not locked."""
        return self._statements(self._rows.filter(among(self.followers, self._from)), using)

    def _statements(self, rows: models.QuerySet[Any], using: str) -> FollowStatements:
        opposite = RelationKey.stream_in_sql(FOLLOWS, self._to, self._from)
        streams = rows.annotate(opposite=opposite).values_list("stream", "opposite")
        return FollowStatements(streams.query.get_compiler(using).as_sql(), using, both=False)


class FollowComparison(Comparison):
    """Compares follows. Counts are left to `CountComparison`.

    A process may write a follow once it has locked the follower, since anyone else who writes it has locked both ends.
    So a repair does not wait for resources that many follow.
    """

    def resources(self, keys: RelationPage, using: str) -> Iterable[ResourceKey]:
        return keys.followers

    def differs(self, keys: RelationPage, using: str) -> bool:
        return keys.now(using).differs()

    def compare(self, keys: RelationPage, using: str, *, repair: bool) -> list[Difference]:
        statements = keys.of_followers(using)
        found = statements.differences()
        if found and repair:
            statements.repair()
        return [Difference(_name(wanted or stored), _described(wanted), _described(stored)) for stored, wanted in found]

    def repair(self, keys: RelationPage, using: str) -> int:
        return keys.of_followers(using).repair()


def _name(row: dict[str, Any]) -> str:
    return "follow {from_identifier}:{from_object_id} → {to_identifier}:{to_object_id}".format(**row)


def _described(row: dict[str, Any]) -> str:
    if not row:
        return "none"
    friends = f", friends by event {row['friends_event_id']}" if row["friends_event_id"] else ""
    return f"by event {row['event_id']} at {row['followed_at']}{friends}"


def _of_log(rows: models.QuerySet[Any], using: str) -> RelationPage:
    return RelationPage(rows, "actor_", "target_")


def _of_model(rows: Iterable[Sequence[Any]], using: str) -> RelationPage:
    follows = Follow.objects.using(using).filter(stream__in=[stream for (stream,) in rows])
    return RelationPage(follows, "from_", "to_")


def _orphans(rows: models.QuerySet[Any], using: str) -> models.QuerySet[Any]:
    of_log = Event.objects.using(using).filter(stream=models.OuterRef("stream"), version=1)
    return rows.exclude(models.Exists(of_log))


#: All relations of the log. If something differs, all followers of a page are locked, for a tenth of a second.
RECORDED_FOLLOWS = Reconciler(
    "follows",
    SpanKeys(
        partial(recorded.relations, FOLLOW), _of_log, columns=("actor_identifier", "actor_object_id", "id"), size=4000
    ),
    FollowComparison(),
)
#: The stored follows that the log does not know.
ORPHANED_FOLLOWS = Reconciler(
    "orphans",
    OrphanKeys(Follow.objects.using, _of_model, columns=("stream",), orphans=_orphans, size=10_000),
    FollowComparison(),
)
