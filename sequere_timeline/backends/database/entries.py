"""Writing private timelines in sets: no row passes through Python.

Entries of an action are only added while its actor is locked. Trimming a timeline skips entries that are locked, so it
never waits.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import models
from django.db.models.expressions import RawSQL

from sequere.backends.database.models import Follow
from sequere.base import ResourceKey
from sequere.log.locks import Resource
from sequere.projections.projector import Chunk
from sequere.projections.reconciler import Cursor
from sequere.results.cursors import Place
from sequere.sql.conditions import among, is_
from sequere.sql.keyset import after, end_of_page, up_to
from sequere.sql.rows import Insert
from sequere.sql.statements import statement
from sequere_timeline import conf
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState
from sequere_timeline.visibility import Interval, within

#: Followers that one statement of a fan-out reaches.
FOLLOWERS_PER_STATEMENT = 2000
#: Owners that one statement of an import or a removal reaches.
OWNERS_PER_STATEMENT = 2000

ENTRY_COLUMNS = ("action_id", "owner_identifier", "owner_object_id", "date", "reasons")
ENTRY_KEY = ENTRY_COLUMNS[:3]
FLOOR_COLUMNS = ("owner_identifier", "owner_object_id", "floor_date", "floor_action_id")

#: The condition of an index, in its words: not every plan would recognize it with a parameter.
NEEDS_NO_FOLLOW = f'NOT ("reasons" = {Reason.FOLLOWED:d})'

#: The oldest place of each timeline that was trimmed.
Floors = dict[ResourceKey, Place]

#: An entry that is there gets the new reason besides its old ones.
_ADDED = Insert(
    Entry,
    ENTRY_COLUMNS,
    lambda words: words.on_conflict_update(Entry, ENTRY_KEY, reasons="{old} | {new}", date="{new}"),
)
_FLOORS = Insert(
    TimelineState,
    FLOOR_COLUMNS,
    lambda words: words.on_conflict_update(
        TimelineState, FLOOR_COLUMNS[:2], **dict.fromkeys(FLOOR_COLUMNS[2:], "{new}")
    ),
)


def has(reasons: int) -> models.Q:
    """The condition that an entry has one of these reasons."""
    return models.Q(models.lookups.GreaterThan(models.F("reasons").bitand(reasons), models.Value(0)))


def need_no_follow(using: str) -> models.QuerySet[Entry]:
    """The entries that are there for another reason than a follow, or for more reasons: own or direct ones."""
    condition = RawSQL(NEEDS_NO_FOLLOW, [], output_field=models.BooleanField())  # noqa: S611  # our words
    return Entry.objects.using(using).filter(condition)


def public_actions(actor: ResourceKey, using: str) -> models.QuerySet[SavedAction]:
    return SavedAction.objects.using(using).filter(is_(actor, "actor_"), published_event_id__isnull=False)


def add(rows: Iterable[tuple[int, ResourceKey, datetime, int]], using: str) -> None:
    """Give entries a reason: (action id, owner, date, reason). 1 statement, none without rows."""
    if values := [(action, *owner, date, reason) for action, owner, date, reason in sorted(rows)]:
        _ADDED.rows(values, using)


def fan_out(action: SavedAction, cursor: Cursor | None, using: str) -> Chunk:
    """Copy a published action into the timelines of 2,000 followers of its actor, from a cursor on: 2 statements.

    The followers are taken in the order of their follows, so a chunk is a range of an index. A cap costs 1 more query,
    which counts their entries, 2 more if a timeline is too long, and 1 for each that is.
    """
    order = ("followed_at", "event_id")
    followers = Follow.objects.using(using).filter(is_(action.actor, "to_"))
    if not conf.import_actions_on_follow():
        # Then an action is for those who followed when it was published.
        followers = followers.filter(event_id__lt=action.published_event_id)
    if conf.max_length() is not None:
        followers = followers.exclude(models.Exists(_floors_above(action, using)))
    chunk = followers.filter(after(order, cursor)) if cursor else followers
    last = chunk.order_by(*order).values_list(*order)[FOLLOWERS_PER_STATEMENT - 1 : FOLLOWERS_PER_STATEMENT]
    if end := next(iter(last), None):
        chunk = chunk.filter(up_to(order, end))
    reached = _add_for(chunk, action, using)
    if (cap := conf.max_length()) is not None:
        _trim_followers(chunk, cap, using)
    return Chunk(reached, [str(end[0]), end[1]] if end else None)


def withdraw(action_id: int, cursor: Cursor | None, using: str) -> Chunk:
    """Take what is left of an action out of 2,000 timelines, from a cursor on: 2 statements."""
    # Only rows are compared, and the first column never alone: the index would begin with the entries that are gone.
    begin, beyond = tuple(cursor) if cursor else (action_id, "", ""), (action_id + 1, "", "")
    left = Entry.objects.using(using).filter(pk__gt=begin, pk__lt=beyond)
    end = end_of_page(left, ENTRY_KEY, FOLLOWERS_PER_STATEMENT)
    reached, _ = (left.filter(pk__lte=end) if end else left).delete()
    return Chunk(reached, list(end) if end else None)


def grant(actor: ResourceKey, owners: Sequence[ResourceKey], intervals: tuple[Interval, ...], using: str) -> None:
    """Copy the published actions of an actor into timelines: 1 statement for up to 2,000 owners of a kind."""
    actions = public_actions(actor, using).filter(within(intervals, "published_event_id"))
    granted = statement(__package__, "followed_entries")
    if (cap := conf.max_length()) is not None:
        # More would be trimmed at once; one more than the cap makes the trimming notice.
        actions = actions.order_by("-date", "-id")[: cap + 1]
        granted = f"{granted} {statement(__package__, 'above_floor')}"
    sql, params = actions.values_list("id", "date").query.get_compiler(using).as_sql()
    for identifier, object_ids in _by_identifier(owners):
        marks = ", ".join(["%s"] * len(object_ids))
        select = granted.format(actions=sql, reason=int(Reason.FOLLOWED), object_ids=marks)
        _ADDED.selected(select, [*params, identifier, *object_ids], using)


def revoke(actor: ResourceKey, owners: Sequence[ResourceKey], intervals: tuple[Interval, ...], using: str) -> None:
    """Take the reason FOLLOWED from the actions of an actor that lie in none of the intervals. 2 statements."""
    outside = public_actions(actor, using).exclude(within(intervals, "published_event_id"))
    for start in range(0, len(owners), OWNERS_PER_STATEMENT):
        chunk = owners[start : start + OWNERS_PER_STATEMENT]
        entries = Entry.objects.using(using).filter(among(chunk, "owner_"), action_id__in=outside.values("id"))
        take(entries, Reason.FOLLOWED)


def take(entries: models.QuerySet[Entry], reason: int) -> None:
    """Take a reason from entries, and remove those that have no other. 2 statements."""
    # In this order and with both conditions, whatever happens meanwhile to rows that are not locked.
    entries.filter(has(reason)).exclude(reasons=reason).update(reasons=models.F("reasons") - reason)
    entries.filter(reasons=reason).delete()


def trim(owners: Iterable[ResourceKey], using: str) -> None:
    """Cut the timelines of locked owners back to the cap. No query without a cap, else 1; 2 for each that is cut."""
    if (cap := conf.max_length()) is not None:
        places = _floors_to_be(Resource.objects.using(using).filter(among(owners)), "", cap, 0, using)
        _cut(places, using)


def _trim_followers(followers: models.QuerySet[Follow], cap: int, using: str) -> None:
    """The same for followers that are not locked: one that another process has locked is left for the next time."""
    places = _floors_to_be(followers, "from_", cap, cap // conf.HYSTERESIS, using)
    if places:
        free = Resource.objects.using(using).filter(among(places)).select_for_update(skip_locked=True)
        unlocked = {ResourceKey(*row) for row in free.values_list("identifier", "object_id")}
        _cut({owner: place for owner, place in places.items() if owner in unlocked}, using)


def _floors_to_be(owners: models.QuerySet[Any], prefix: str, cap: int, slack: int, using: str) -> Floors:
    """Where the timelines that are longer than the cap and some slack should begin. 1 query."""
    columns = (f"{prefix}identifier", f"{prefix}object_id")
    entries = Entry.objects.using(using).filter(
        owner_identifier=models.OuterRef(columns[0]), owner_object_id=models.OuterRef(columns[1])
    )
    newest = kept(entries, using).order_by("-date", "-action_id")
    rows = (
        owners.filter(models.Exists(kept(entries, using)[cap + slack : cap + slack + 1]))
        .annotate(
            floor_date=models.Subquery(newest.values("date")[cap - 1 : cap]),
            floor_action=models.Subquery(newest.values("action_id")[cap - 1 : cap]),
        )
        .order_by()
        .values_list(*columns, "floor_date", "floor_action")
    )
    return {ResourceKey(*row[:2]): Place(*row[2:]) for row in rows}


def _cut(places: Floors, using: str) -> None:
    """Remember where the timelines begin from now on, and remove what lies below. 1 statement, and 1 for each."""
    if not places:
        return
    _FLOORS.rows([(*owner, *place) for owner, place in sorted(places.items())], using)
    for owner, place in sorted(places.items()):
        entries = Entry.objects.using(using).filter(is_(owner, "owner_"))
        below = entries.filter(up_to(("date", "action_id"), place)).exclude(action_id=place.tie)
        entries.filter(action_id__in=below.select_for_update(skip_locked=True).values("action_id")).delete()


def floors(owners: Iterable[ResourceKey], using: str) -> Floors:
    """Where the timelines that were trimmed begin. 1 query, none without a cap."""
    if conf.max_length() is None:
        return {}
    states = TimelineState.objects.using(using).filter(among(owners, "owner_"), floor_date__isnull=False)
    return {ResourceKey(*row[:2]): Place(*row[2:]) for row in states.values_list(*FLOOR_COLUMNS)}


def is_kept(owner: ResourceKey, place: Place, floors: Floors) -> bool:
    return owner not in floors or place >= floors[owner]


def kept(rows: models.QuerySet[Entry], using: str) -> models.QuerySet[Entry]:
    """Without the entries that a cap hides."""
    return rows if conf.max_length() is None else rows.exclude(_below_floor(using))


def _below_floor(using: str) -> models.Exists:
    """The condition that an entry is older than what its timeline keeps."""
    states = TimelineState.objects.using(using).filter(
        owner_identifier=models.OuterRef("owner_identifier"), owner_object_id=models.OuterRef("owner_object_id")
    )
    return models.Exists(states.filter(_above(models.OuterRef("date"), models.OuterRef("action_id"))))


def _floors_above(action: SavedAction, using: str) -> models.QuerySet[TimelineState]:
    return TimelineState.objects.using(using).filter(
        _above(action.date, action.pk),
        owner_identifier=models.OuterRef("from_identifier"),
        owner_object_id=models.OuterRef("from_object_id"),
    )


def _above(date: Any, action_id: Any) -> models.Q:
    return models.Q(floor_date__gt=date) | models.Q(floor_date=date, floor_action_id__gt=action_id)


def _add_for(followers: models.QuerySet[Follow], action: SavedAction, using: str) -> int:
    rows = followers.order_by().values_list(
        models.Value(action.pk),
        "from_identifier",
        "from_object_id",
        models.Value(action.date, output_field=models.DateTimeField()),
        models.Value(int(Reason.FOLLOWED)),
    )
    sql, params = rows.query.get_compiler(using).as_sql()
    return _ADDED.selected(sql, params, using)


def _by_identifier(owners: Sequence[ResourceKey]) -> Iterable[tuple[str, list[str]]]:
    for identifier in sorted({owner.identifier for owner in owners}):
        object_ids = [owner.object_id for owner in owners if owner.identifier == identifier]
        for start in range(0, len(object_ids), OWNERS_PER_STATEMENT):
            yield identifier, object_ids[start : start + OWNERS_PER_STATEMENT]
