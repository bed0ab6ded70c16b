"""Stream-Framework: feeds in Redis, written to each follower when something is published.

It keeps no follows: its fan-out asks the app for them, so a follow is a row of the app, and then its feeds. Its tasks
run at once, in the process that calls them.
"""

import os
import re
import sys
from collections import defaultdict
from datetime import datetime, timedelta
from importlib.util import find_spec, module_from_spec
from pathlib import Path

import redis
from celery import Celery
from stream_framework.activity import Activity
from stream_framework.feeds.redis import RedisFeed
from stream_framework.storage.redis import connection
from stream_framework.verbs.base import Add

from tests.benchmarks.peers.app.models import Follow, Item, User
from tests.benchmarks.peers.network import Network
from tests.benchmarks.peers.process import PAGE


def renamed(name: str, word: str, other: str) -> None:
    """Import a module in whose source a word is replaced."""
    spec = find_spec(name)
    sys.modules[name] = module = module_from_spec(spec)
    source = re.sub(rf"\b{word}\b", other, Path(spec.origin).read_text())
    exec(compile(source, spec.origin, "exec"), module.__dict__)


# Since Python 3.7, no parameter can be named async.
renamed("stream_framework.feed_managers.base", "async", "by_celery")
# It knows hosts and ports only, and Valkey listens on a socket.
connection.connection_pool = {
    "default": redis.ConnectionPool.from_url(os.environ["PEERS_REDIS_URL"], decode_responses=True)
}
celery = Celery("peers")
celery.conf.update(
    task_always_eager=True,
    task_eager_propagates=True,
    broker_url="memory://",  # an eager task asks for a producer all the same
    task_serializer="pickle",  # the arguments of its tasks are objects
)
celery.set_default()

from stream_framework.feed_managers.base import FanoutPriority, Manager  # noqa: E402  # as it is after that


class UserFeed(RedisFeed):
    key_format = "user_feed:%(user_id)s"
    max_length = 10**6


class Feeds(Manager):
    feed_classes = {"normal": RedisFeed}
    user_feed_class = UserFeed

    def get_user_follower_ids(self, user_id: int) -> dict[str, list[int]]:
        followers = Follow.objects.filter(target=user_id)
        return {FanoutPriority.HIGH: [*followers.values_list("user_id", flat=True)]}


class Peer:
    def __init__(self) -> None:
        self._feeds = Feeds()

    def load(self, network: Network) -> dict[str, float]:
        Follow.objects.bulk_create(
            (Follow(user_id=one, target_id=other) for one, other in network.follows), batch_size=5000
        )
        start = datetime(2026, 1, 1)  # noqa: DTZ001  # it computes with UTC, without saying so
        published = defaultdict(list)
        for number, (actor, item) in enumerate(network.actions):
            published[actor].append(Activity(actor, Add, item, time=start + timedelta(seconds=number)))
        for actor, activities in published.items():
            UserFeed.insert_activities(activities)
            UserFeed(actor).add_many(activities, trim=False)
        entries = defaultdict(list)
        for one, other in network.follows:
            entries[one] += published.get(other, ())
        for owner, activities in entries.items():
            if activities:
                RedisFeed(owner).add_many(activities, trim=False)
        return {}

    def follow(self, one: User, other: User) -> None:
        Follow.objects.create(user=one, target=other)
        self._feeds.follow_user(one.pk, other.pk, by_celery=False)

    def unfollow(self, one: User, other: User) -> None:
        Follow.objects.filter(user=one, target=other).delete()
        self._feeds.unfollow_user(one.pk, other.pk, by_celery=False)

    def timeline(self, user: User) -> int:
        activities = RedisFeed(user.pk)[:PAGE]
        # It returns keys; a page shows instances.
        users = User.objects.in_bulk({activity.actor_id for activity in activities})
        items = Item.objects.in_bulk({activity.object_id for activity in activities})
        return len([(users[activity.actor_id], items[activity.object_id]) for activity in activities])

    def publish(self, user: User, item: Item) -> None:
        self._feeds.add_user_activity(user.pk, Activity(user.pk, Add, item.pk))
