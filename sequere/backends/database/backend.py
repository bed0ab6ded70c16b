"""The questions about follows that the database answers."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps
from django.core.checks import CheckMessage, Error
from django.db import models, router

from sequere.backends.base import BaseBackend, FollowerPage
from sequere.backends.database.models import Follow, FollowCount
from sequere.backends.database.projector import FollowsProjector
from sequere.base import ResourceKey
from sequere.projections.reconciler import Cursor
from sequere.relations.key import Graph, RelationKey
from sequere.results.cursors import Place
from sequere.results.lazy import LazyList
from sequere.results.relations import Related, RelationList, load_relations
from sequere.sql.conditions import is_
from sequere.sql.keyset import after as comes_after

#: Followers on a page that a projector is given, and their order.
FOLLOWERS_PER_PAGE = 1000
BY_TIME = ("followed_at", "event_id")


@dataclass(frozen=True, slots=True)
class FollowRows:
    """The rows behind a list: (identifier, object_id, since) for the other end of each follow."""

    key: ResourceKey
    identifier: str | None
    desc: bool
    #: The count of the list, the end of a follow where `key` is, and the other end.
    counted: str
    end: str
    other: str
    #: The columns that say since when, and by which event.
    since: tuple[str, str] = ("followed_at", "event_id")

    def count(self) -> int:
        return _count(self.counted, self.key, self.identifier)

    def rows(self, start: int, stop: int | None) -> models.QuerySet[Follow, tuple[str, str, datetime]]:
        return self.rows_after(None).values_list(*self._columns())[start:stop]

    def stream(self, start: int, stop: int | None) -> Iterable[tuple[str, str, datetime]]:
        return self.rows(start, stop).iterator(chunk_size=2000)

    def page(self, size: int, after: Place | None) -> list[tuple[Place, tuple[str, str, datetime]]]:
        rows = self.rows_after(after).values_list(*self._columns(), self.since[1])[:size]
        return [(Place(row[2], row[3]), row[:3]) for row in rows]

    def rows_after(self, place: Place | None) -> models.QuerySet[Follow]:
        follows = Follow.objects.filter(is_(self.key, self.end), **{f"{self.since[1]}__isnull": False})
        if self.identifier is not None:
            follows = follows.filter(**{f"{self.other}identifier": self.identifier})
        if place:
            follows = follows.filter(comes_after(self.since, place, desc=self.desc))
        return follows.order_by(*(f"-{column}" if self.desc else column for column in self.since))

    def load(self, rows: Sequence[tuple[str, str, datetime]]) -> list[Related | None]:
        return load_relations(rows)

    def _columns(self) -> tuple[str, str, str]:
        return f"{self.other}identifier", f"{self.other}object_id", self.since[0]


def _count(what: str, key: ResourceKey, identifier: str | None) -> int:
    counts = FollowCount.objects.filter(is_(key))
    if identifier is not None:
        counts = counts.filter(other_identifier=identifier)
    total: int = counts.aggregate(total=models.Sum(what, default=0))["total"]
    return total


class DatabaseBackend(BaseBackend):
    """Follows in the database that holds the log, written in its transactions."""

    def __init__(self) -> None:
        self.projector = FollowsProjector()

    def live_among(self, relations: Collection[RelationKey]) -> set[RelationKey]:
        streams = {relation.stream: relation for relation in relations}
        live = Follow.objects.filter(pk__in=list(streams)).values_list("pk", flat=True)
        return {streams[stream] for stream in live}

    def related(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None, *, desc: bool) -> RelationList:
        end, other = ("to_", "from_") if what == graph.type.followers else ("from_", "to_")
        since = ("friends_at", "friends_event_id") if what == graph.type.friends else BY_TIME
        return LazyList(FollowRows(key, identifier, desc, what, end=end, other=other, since=since))

    def count(self, what: str, graph: Graph, key: ResourceKey, identifier: str | None) -> int:
        return _count(what, key, identifier)

    def follower_page(self, key: ResourceKey, cursor: Cursor | None = None) -> FollowerPage:
        followers = Follow.objects.using(router.db_for_write(Follow)).filter(is_(key, "to_"))
        if cursor:
            followers = followers.filter(comes_after(BY_TIME, cursor))
        columns = (*BY_TIME, "from_identifier", "from_object_id")
        rows = list(followers.order_by(*BY_TIME).values_list(*columns)[:FOLLOWERS_PER_PAGE])
        names = [f"{identifier}:{object_id}" for *_, identifier, object_id in rows]
        return FollowerPage(names, [str(rows[-1][0]), rows[-1][1]] if len(rows) == FOLLOWERS_PER_PAGE else None)

    def reset(self, using: str) -> None:
        for model in (Follow, FollowCount):
            model._default_manager.using(using).all().delete()

    @classmethod
    def check(cls) -> list[CheckMessage]:
        if apps.is_installed("sequere.backends.database"):
            return []
        return [
            Error(
                "SEQUERE_BACKEND is the DatabaseBackend, and its app is not installed.",
                hint="Add 'sequere.backends.database' to INSTALLED_APPS.",
                id="sequere.E002",
            )
        ]
