"""The counts of followers, followings and friends, by kind of the other resource."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from django.db import models

from sequere.backends.database.comparison import COUNT_KEY, NUMBERS
from sequere.backends.database.models import Follow, FollowCount
from sequere.base import ResourceKey
from sequere.resources import among


class CountKey(NamedTuple):
    identifier: str
    object_id: str
    other_identifier: str


class Numbers(NamedTuple):
    followers: int = 0
    followings: int = 0
    friends: int = 0


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
    rows = FollowCount.objects.using(using).filter(among(keys)).values_list(*COUNT_KEY, *NUMBERS)
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
