"""Which actions of a followed actor belong into a timeline, decided from the history of the follow alone; and whom its
owner does not see."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import models

from sequere.base import ResourceKey
from sequere.log.models import Event, EventQuerySet
from sequere.log.reading import latest_of
from sequere.log.streams import lifecycle
from sequere.log.suspensions import SUSPENDED, SUSPENSIONS, suspension
from sequere.relations.intents import DELETED
from sequere.relations.key import RelationKey
from sequere.relations.lasting import end_of
from sequere.relations.recorded import live_relations
from sequere.relations.types import BLOCK, FOLLOWED, MUTE, RelationType
from sequere.sql.conditions import among
from sequere_timeline import conf

#: Follows by their stream: the owner of a timeline, and the actor that it follows or has followed.
Follows = Mapping[UUID, tuple[ResourceKey, ResourceKey]]


class Interval(NamedTuple):
    """The event ids between two others, both excluded; None for no bound."""

    after: int | None
    before: int | None


ALWAYS = (Interval(None, None),)


def justified(changes: Iterable[tuple[int, bool]], *, imports: bool, removes: bool) -> tuple[Interval, ...]:
    """The event ids at which a published action is justified by a follow.

    `changes` are the events of the relation, oldest first, as (id, whether it is live from there on). With import on
    follow and removal on unfollow, only the present state counts. Without one of them, the place of the action in the
    log counts, not the moment of the question, so a change that is applied late has the same effect.
    """
    periods: list[Interval] = []
    for event_id, is_live in changes:
        if is_live:
            periods.append(Interval(event_id, None))
        elif periods:
            periods[-1] = Interval(periods[-1].after, event_id)
    if not periods:
        return ()
    last = periods[-1]
    live = last.before is None
    if imports:
        return ALWAYS if live else () if removes else (Interval(None, last.before),)
    if removes:
        return (last,) if live else ()
    return tuple(periods)


def intervals_of(relations: Follows, using: str) -> dict[UUID, tuple[Interval, ...]]:
    """What each of these follows justifies now. 1 query. A follow that the log does not know justifies nothing, and
    neither does one of which an end is suspended."""
    imports, removes = conf.import_actions_on_follow(), conf.remove_actions_on_unfollow()
    streams = {*relations, *(suspension(end) for ends in relations.values() for end in ends)}
    history: Iterable[Event]
    if conf.only_live_follows_count():
        history = latest_of(streams, using).values()
    else:
        # The follows of an earlier owner of the key justify nothing.
        deletions = (lifecycle(owner) for owner, _ in relations.values())
        history = Event.objects.using(using).filter(stream__in={*streams, *deletions}).order_by("id")
    born: dict[UUID, int] = {}
    changes: dict[UUID, list[tuple[int, bool]]] = defaultdict(list)
    suspended: dict[ResourceKey, bool] = {}
    for event in history:
        if event.type == DELETED:
            born[event.stream] = event.pk
        elif event.type in SUSPENSIONS:
            suspended[event.actor] = event.type == SUSPENDED
        else:
            changes[event.stream].append((event.pk, event.type == FOLLOWED))
    intervals = {}
    for stream, (owner, actor) in relations.items():
        since = born.get(lifecycle(owner), 0)
        lived = [change for change in changes[stream] if change[0] > since]
        pauses = suspended.get(owner) or suspended.get(actor)
        intervals[stream] = () if pauses else justified(lived, imports=imports, removes=removes)
    return intervals


class Hiding(NamedTuple):
    """What the owner of a timeline does not see because of a live relation that leads from it to a resource: what that
    resource does."""

    type: RelationType
    #: Whether the resource does not see what the owner does, either.
    both: bool = False
    #: Whether the owner does not see what others do to the resource, either. What it has done itself, it sees.
    targets: bool = False


HIDINGS = (Hiding(BLOCK, both=True), Hiding(MUTE, targets=True))
_BY_TYPE = {hiding.type: hiding for hiding in HIDINGS}
_BEGUN = tuple(hiding.type.begun.name for hiding in HIDINGS)

#: The types of the events of relations that change whom somebody sees.
HIDING = tuple(event_type.name for hiding in HIDINGS for event_type in (hiding.type.begun, hiding.type.ended))


class Hidden(NamedTuple):
    """A resource that the owner of a timeline does not see."""

    resource: ResourceKey
    #: Whether what is done to it is hidden, too.
    as_target: bool = False
    #: Until when; None for no end.
    until: datetime | None = None


def hiders_of(event: Event) -> tuple[ResourceKey, ...]:
    """The owners who may see other actors since an event of a relation."""
    relation = RelationKey.of_event(event)
    return relation[:2] if _BY_TYPE[relation.graph.type].both else relation[:1]


def first_hidings(using: str) -> EventQuerySet:
    """The first event of each relation that has ever hidden somebody, and of each resource that was ever suspended."""
    return Event.objects.using(using).filter(type__in=(*_BEGUN, SUSPENDED), version=1)


def hidden_from(owners: Collection[ResourceKey], using: str) -> dict[ResourceKey, set[Hidden]]:
    """For each owner who does not see everybody, whom it does not see, now or until a moment that may be over. 1
    query."""
    live = live_relations(using).filter(among(owners, "actor_") | among(owners, "target_"), type__in=_BEGUN)
    hidden: dict[ResourceKey, set[Hidden]] = defaultdict(set)
    for event in live:
        relation = RelationKey.of_event(event)
        hiding = _BY_TYPE[relation.graph.type]
        hidden[relation.from_key].add(Hidden(relation.to_key, hiding.targets, end_of(event)))
        if hiding.both:
            hidden[relation.to_key].add(Hidden(relation.from_key, until=end_of(event)))
    return {owner: hidden[owner] for owner in owners if owner in hidden}


def contains(intervals: tuple[Interval, ...], event_id: int) -> bool:
    """Whether an event id lies in one of the intervals."""
    return any(
        (after is None or event_id > after) and (before is None or event_id < before) for after, before in intervals
    )


def within(intervals: tuple[Interval, ...], column: str) -> models.Q:
    """The condition that an event id lies in one of the intervals."""
    if intervals == ALWAYS:
        return models.Q()
    condition = models.Q(pk__in=[])
    for after, before in intervals:
        inside = models.Q()
        if after is not None:
            inside &= models.Q(**{f"{column}__gt": after})
        if before is not None:
            inside &= models.Q(**{f"{column}__lt": before})
        condition |= inside
    return condition
