"""The counts of followers, followings and friends, by kind of the other resource."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from django.db import connections, models

from sequere.backends.database.models import Follow, FollowCount
from sequere.base import ResourceKey
from sequere.resources import among
from sequere.upsert import insert_into, on_conflict

KEY = ("identifier", "object_id", "other_identifier")
NUMBERS = ("followers", "followings", "friends")
ROWS_PER_STATEMENT = 500


class CountKey(NamedTuple):
    identifier: str
    object_id: str
    other_identifier: str


class Numbers(NamedTuple):
    followers: int = 0
    followings: int = 0
    friends: int = 0


def gained(changes: Iterable[tuple[Follow | None, Follow | None]]) -> dict[CountKey, Numbers]:
    """What the counts gain or lose when each follow becomes another: (before, after) pairs, None for no follow."""
    deltas: dict[str, Counter[CountKey]] = {number: Counter() for number in NUMBERS}
    for before, after in changes:
        for follow, sign in ((before, -1), (after, 1)):
            if follow is None:
                continue
            deltas["followers"][CountKey(*follow.to_key, follow.from_identifier)] += sign
            deltas["followings"][CountKey(*follow.from_key, follow.to_identifier)] += sign
            if follow.friends_event_id is not None:
                deltas["friends"][CountKey(*follow.from_key, follow.to_identifier)] += sign
    keys = {key for counter in deltas.values() for key, delta in counter.items() if delta}
    return {key: Numbers(*(deltas[number][key] for number in NUMBERS)) for key in keys}


def add(deltas: Mapping[CountKey, Numbers], using: str) -> None:
    """Add to the counts: 1 statement for up to 500 of them."""
    connection = connections[using]
    insert = insert_into(connection, FollowCount, (*KEY, *NUMBERS))
    suffix = on_conflict(connection, FollowCount, KEY, **dict.fromkeys(NUMBERS, "{old} + {new}"))
    rows = [(*key, *numbers) for key, numbers in sorted(deltas.items())]
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        chunk = rows[start : start + ROWS_PER_STATEMENT]
        values = ", ".join(["(%s, %s, %s, %s, %s, %s)"] * len(chunk))
        with connection.cursor() as cursor:
            cursor.execute(f"{insert} VALUES {values} {suffix}", [value for row in chunk for value in row])


def expected(keys: Sequence[ResourceKey], using: str) -> dict[CountKey, Numbers]:
    """What the follows of `keys` say that their counts should be. 2 queries."""
    follows = Follow.objects.using(using)
    numbers: dict[CountKey, dict[str, int]] = defaultdict(dict)
    followers = follows.filter(among(keys, "to_")).values_list("to_identifier", "to_object_id", "from_identifier")
    for *key, count in followers.annotate(models.Count("stream")).order_by():
        numbers[CountKey(*key)]["followers"] = count
    followings = follows.filter(among(keys, "from_")).values_list("from_identifier", "from_object_id", "to_identifier")
    for *key, count, friends in followings.annotate(
        models.Count("stream"), models.Count("friends_event_id")
    ).order_by():
        numbers[CountKey(*key)].update(followings=count, friends=friends)
    return {key: Numbers(**by_name) for key, by_name in numbers.items()}


def stored(keys: Sequence[ResourceKey], using: str) -> dict[CountKey, Numbers]:
    """The counts of `keys`, without those that are all zero. 1 query."""
    rows = FollowCount.objects.using(using).filter(among(keys)).values_list(*KEY, *NUMBERS)
    return {CountKey(*row[:3]): Numbers(*row[3:]) for row in rows if any(row[3:])}


def put(numbers: Mapping[CountKey, Numbers], keys: Sequence[ResourceKey], using: str) -> None:
    """Make `numbers` the counts of `keys`, and the only ones."""
    counts = FollowCount.objects.using(using)
    counts.filter(among(keys)).delete()
    counts.bulk_create([FollowCount(**key._asdict(), **value._asdict()) for key, value in sorted(numbers.items())])


def forget_empty(keys: Sequence[ResourceKey], using: str) -> None:
    """Remove the counts of `keys` that are zero. 1 statement."""
    zero = dict.fromkeys(NUMBERS, 0)
    FollowCount.objects.using(using).filter(among(keys), **zero).delete()
