"""Writing private timelines in sets: no row passes through Python.

Entries of an action are only added while its actor is locked. Trimming a timeline skips entries that are locked, so it
never waits.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connections, models

from sequere.backends.database.models import LiveRelation
from sequere.backends.database.statements import join_resource, number_of, uid_of
from sequere.base import ResourceKey
from sequere.log.locks import Resource
from sequere.log.models import Event
from sequere.projections.projector import Chunk
from sequere.projections.reconciler import Cursor
from sequere.relations.types import FOLLOW, UNFOLLOWED
from sequere.results.cursors import Place
from sequere.sql.dialects import Dialect, dialect
from sequere.sql.keyset import up_to
from sequere.sql.rows import Insert, fields_of, given
from sequere_timeline import conf
from sequere_timeline.backends.base import Reason
from sequere_timeline.backends.database.models import Entry, SavedAction, TimelineState
from sequere_timeline.backends.database.statements import above_floor, ask, change, filled, moment

#: Followers that one statement of a fan-out reaches.
FOLLOWERS_PER_STATEMENT = 2000

#: The order of the follows of one resource: that of an index.
_BY_FOLLOW = ("since", "from_uid")

ENTRY_KEY = ("feed", "date", "action_id")
FLOOR_COLUMNS = ("feed", "floor_date", "floor_action_id")

#: The oldest place of each timeline that was trimmed, by its feed.
Floors = dict[int, Place]


def add_reason(words: Dialect) -> str:
    """Ends an INSERT: an entry that is there gets the new reason besides its old ones."""
    both = "COALESCE({old}, 4) | COALESCE({new}, 4)"
    return words.on_conflict_update(Entry, ENTRY_KEY, extra=f"NULLIF({both}, 4)")


_ADDED = Insert(Entry, (*ENTRY_KEY, "extra"), add_reason)
#: By a follow.
_FOLLOWED_ENTRIES = Insert(Entry, ENTRY_KEY, add_reason)
#: The same where no entry can be there: half the work.
_FIRST_ENTRIES = Insert(Entry, ENTRY_KEY)
_FLOORS = Insert(
    TimelineState,
    FLOOR_COLUMNS,
    lambda words: words.on_conflict_update(
        TimelineState, FLOOR_COLUMNS[:1], **dict.fromkeys(FLOOR_COLUMNS[1:], "{new}")
    ),
)


def has(reason: Reason) -> models.Q:
    """The condition that an entry has a reason."""
    bits = models.Q(models.lookups.GreaterThan(models.F("extra").bitand(int(reason)), models.Value(0)))
    return models.Q(extra__isnull=True) | bits if reason is Reason.FOLLOWED else bits


def add(rows: Iterable[tuple[int, datetime, int, int]], using: str) -> None:
    """Give entries a reason, own or direct: (feed, date, action id, reason). 1 statement, none without rows."""
    if values := sorted(rows):
        _ADDED.rows(values, using)


def fan_out(action: SavedAction, cursor: Cursor | None, using: str, *, is_new: bool = False) -> Chunk:
    """Copy a published action into the timelines of 2,000 followers of its actor, from a cursor on: 1 statement, and 1
    more if there may be other followers.

    The followers are taken in the order of their follows, so a chunk is a range of an index; and each chunk is written
    in the order of the feeds, as the entries stand. If the action `is_new`, no entry of it may be there. A cap costs 1
    more query, which counts their entries, 2 more if a timeline is too long, and 1 for each that is.
    """
    chunk, values = _followers(action, cursor, using)
    limited = f"{chunk} LIMIT {FOLLOWERS_PER_STATEMENT}"
    place = (moment(action.date, using), action.pk)
    insert = _FIRST_ENTRIES if is_new else _FOLLOWED_ENTRIES
    entries = f"SELECT from_uid, %s, %s FROM ({limited}) follower ORDER BY from_uid"
    reached = insert.selected(entries, [*place, *values], using)
    if (cap := conf.max_length()) is not None:
        _trim_unlocked(models.Q(uid__in=[uid for uid, _ in ask(limited, values, using)]), cap, using)
    if reached < FOLLOWERS_PER_STATEMENT:
        return Chunk(reached, None)
    ((last, since),) = ask(f"{chunk} LIMIT 1 OFFSET {FOLLOWERS_PER_STATEMENT - 1}", values, using)
    return Chunk(reached, [str(since), last])


def _followers(action: SavedAction, cursor: Cursor | None, using: str) -> tuple[str, list[Any]]:
    """SELECTs the followers that an action still has to reach, and since when they follow."""
    texts = _texts(using)
    values: list[Any] = [action.actor_uid]
    chunk = texts["followers"]
    if not conf.import_actions_on_follow():
        # Then an action is for those who followed when it was published.
        chunk += " AND follower.event_id < %s"
        values.append(action.published_event_id)
    if conf.max_length() is not None:
        chunk += f" AND {texts['above_floor']}"
        values += [moment(action.date, using), action.pk]
    if cursor:
        chunk += f" AND ({_columns(_BY_FOLLOW)}) > (%s, %s)"
        values += cursor
    return f"{chunk} ORDER BY {_columns(_BY_FOLLOW)}", values


def withdraw(actor: ResourceKey, places: Sequence[Place], cursor: Cursor | None, using: str) -> Chunk:
    """Take what is left of some actions of an actor out of the timelines of 2,000 resources, from a cursor on: 2
    statements, 4 where the first ones end.

    First those that follow it, in the order of their follows, then those that have ended a follow, in the order in
    which they did: one that ends in the meantime comes then. No index of the entries begins with the action.
    """
    texts = _texts(using)
    follows = cursor is None or len(cursor) == len(_BY_FOLLOW)
    if follows:
        after = f" AND ({_columns(_BY_FOLLOW)}) > (%s, %s)" if cursor else ""
        chunk = f"{texts['followers_of']}{after} ORDER BY {_columns(_BY_FOLLOW)}"
    else:
        chunk = texts["former_followers"]
    values = [*actor, *(cursor or ())]
    end = ask(f"{chunk} LIMIT 1 OFFSET {FOLLOWERS_PER_STATEMENT - 1}", values, using)
    actions, more = given(connections[using], fields_of(SavedAction, ("date", "id")), places)
    delete = texts["withdraw"].format(followers=f"{chunk} LIMIT {FOLLOWERS_PER_STATEMENT}", actions=actions)
    reached = change(delete, [*values, *more], using)
    if end:
        _, *last = end[0]
        return Chunk(reached, [str(last[0]), last[1]] if follows else last)
    if not follows:
        return Chunk(reached, None)
    former = withdraw(actor, places, [0], using)
    return Chunk(reached + former.reached, former.cursor)


def _columns(names: Sequence[str]) -> str:
    return ", ".join(f"follower.{name}" for name in names)


@cache
def _texts(using: str) -> dict[str, str]:
    words = dialect(connections[using])
    same = "entry.feed = follower.uid AND entry.date = action.date AND entry.action_id = action.id"
    entry = words.table(Entry)
    found = filled(
        "entries_of_followers",
        row_id=words.row_id,
        join=words.join,
        followers="{followers}",
        actions="{actions}",
        entry=words.join_row(entry, "entry", same),
    )
    graph = number_of(FOLLOW.name, words, scope=words.text(""))
    followers = (
        f"SELECT follower.from_uid {{}} FROM {words.table(LiveRelation)} follower"
        f" WHERE follower.graph = {graph} AND follower.to_uid ="
    )
    resource = join_resource(words, "r", ["e.actor_identifier", "e.actor_object_id"])
    return {
        "followers": f"{followers.format(', follower.since')} %s",
        "followers_of": f"{followers.format(f'AS uid, {_columns(_BY_FOLLOW)}')} {uid_of(words)}",
        "above_floor": above_floor(words, "follower.from_uid", "%s", "%s"),
        "former_followers": filled(
            "former_followers", log=words.table(Event), ended=words.text(UNFOLLOWED), join=words.join, resource=resource
        ),
        "withdraw": f"DELETE FROM {entry} WHERE {words.row_id} {words.is_among(found)}",
    }


def take(entries: models.QuerySet[Entry], reason: Reason) -> None:
    """Take a reason from entries, and remove those that have no other. 2 statements."""
    # In this order and with both conditions, whatever happens meanwhile to rows that are not locked.
    alone = models.Q(extra__isnull=True) if reason is Reason.FOLLOWED else models.Q(extra=int(reason))
    rest = models.F("extra").bitand(int(~reason & 7))
    less = models.functions.NullIf(rest, models.Value(int(Reason.FOLLOWED)), output_field=models.SmallIntegerField())
    entries.filter(has(reason)).exclude(alone).update(extra=less)
    entries.filter(alone).delete()


def trim(owners: models.Q, using: str) -> None:
    """Cut the timelines of locked owners, a condition on resources, back to the cap. No query without a cap, else 1; 2
    for each that is cut."""
    if (cap := conf.max_length()) is not None:
        _cut(_floors_to_be(owners, cap, 0, using), using)


def _trim_unlocked(owners: models.Q, cap: int, using: str) -> None:
    """The same for owners that are not locked: one that another process has locked is left for the next time."""
    places = _floors_to_be(owners, cap, cap // conf.HYSTERESIS, using)
    if places:
        free = Resource.objects.using(using).filter(uid__in=list(places)).select_for_update(skip_locked=True)
        unlocked = {*free.values_list("uid", flat=True)}
        _cut({feed: place for feed, place in places.items() if feed in unlocked}, using)


def _floors_to_be(owners: models.Q, cap: int, slack: int, using: str) -> Floors:
    """Where the timelines that are longer than the cap and some slack should begin. 1 query."""
    entries = kept(Entry.objects.using(using).filter(feed=models.OuterRef("uid")), using)
    newest = entries.order_by("-date", "-action_id")
    rows = (
        Resource.objects.using(using)
        .filter(owners, models.Exists(entries[cap + slack : cap + slack + 1]))
        .annotate(
            floor_date=models.Subquery(newest.values("date")[cap - 1 : cap]),
            floor_action=models.Subquery(newest.values("action_id")[cap - 1 : cap]),
        )
        .order_by()
        .values_list("uid", "floor_date", "floor_action")
    )
    return {row[0]: Place(*row[1:]) for row in rows}


def _cut(places: Floors, using: str) -> None:
    """Remember where the timelines begin from now on, and remove what lies below. 1 statement, and 1 for each."""
    if not places:
        return
    _FLOORS.rows([(feed, *place) for feed, place in sorted(places.items())], using)
    for feed, place in sorted(places.items()):
        entries = Entry.objects.using(using).filter(feed=feed)
        below = entries.filter(up_to(("date", "action_id"), place)).exclude(action_id=place.tie)
        entries.filter(action_id__in=below.select_for_update(skip_locked=True).values("action_id")).delete()


def floors(feeds: Iterable[int], using: str) -> Floors:
    """Where the timelines that were trimmed begin. 1 query, none without a cap."""
    if conf.max_length() is None:
        return {}
    states = TimelineState.objects.using(using).filter(feed__in=list(feeds), floor_date__isnull=False)
    return {row[0]: Place(*row[1:]) for row in states.values_list(*FLOOR_COLUMNS)}


def is_kept(feed: int, place: Place, floors: Floors) -> bool:
    return feed not in floors or place >= floors[feed]


def kept(rows: models.QuerySet[Entry], using: str) -> models.QuerySet[Entry]:
    """Without the entries that a cap hides."""
    if conf.max_length() is None:
        return rows
    above = models.Q(floor_date__gt=models.OuterRef("date")) | models.Q(
        floor_date=models.OuterRef("date"), floor_action_id__gt=models.OuterRef("action_id")
    )
    states = TimelineState.objects.using(using).filter(above, feed=models.OuterRef("feed"))
    return rows.exclude(models.Exists(states))
