"""Sequere itself, with its read models in the database, or in Redis."""

from collections.abc import Iterable
from itertools import islice
from uuid import uuid4

from django.db import connection, models

import sequere
from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.base import ModelBase, ResourceKey
from sequere.contrib.timeline import Action, Timeline
from sequere.log.models import Event
from sequere.log.recording import record_internal
from sequere.models import follow, follow_many, get_followers, get_followers_count, is_following, unfollow
from sequere_timeline.backends.base import get_backend
from sequere_timeline.backends.database.backend import DatabaseBackend
from sequere_timeline.backends.database.models import Entry
from sequere_timeline.intents import to_save
from tests.benchmarks.peers.app.models import Item, User
from tests.benchmarks.peers.network import Network
from tests.benchmarks.peers.process import PAGE

BATCH_SIZE = 2000


class PublishAction(Action):
    verb = "publish"


class UserSequere(ModelBase):
    identifier = "user"
    actions = (PublishAction,)


sequere.register(User, UserSequere)
sequere.register(Item)


class Peer:
    def load(self, network: Network) -> dict[str, float]:
        """Load the network; returns the bytes of an edge with its event, and of an entry, in the database."""
        follows = [(person(one), person(other)) for one, other in network.follows]
        for some in (follows[:BATCH_SIZE], follows[BATCH_SIZE:]):
            follow_many(some)
            analyze()
        edges = [size(model) / len(network.follows) for model in (Event, LiveRelation, RelationCount)]
        for actions in (network.actions[:BATCH_SIZE], network.actions[BATCH_SIZE:]):
            publish_many(actions)
            analyze()
        entry = size(Entry) / (Entry.objects.count() or 1)
        for number, reader in network.archives.items():
            sent = ((network.guests[0], 1 + n % network.people) for n in range(number))
            publish_many(sent, to=person(reader))
        if isinstance(get_backend(), DatabaseBackend):
            return {"edge": sum(edges), "entry": entry}
        for one in range(1, network.people + 1):  # in Redis, a timeline that nobody has read is not there
            list(Timeline(person(one)).get_private()[:1])
        return {}

    def follow(self, one: User, other: User) -> None:
        follow(one, other)

    def unfollow(self, one: User, other: User) -> None:
        unfollow(one, other)

    def is_following(self, one: User, other: User) -> bool:
        return is_following(one, other)

    def count(self, user: User) -> int:
        return get_followers_count(user)

    def followers(self, user: User) -> int:
        return len(list(get_followers(user)[:PAGE]))

    def timeline(self, user: User) -> int:
        return len(list(Timeline(user).get_private()[:PAGE]))

    def publish(self, user: User, item: Item) -> None:
        Timeline(user).save(PublishAction(actor=user, target=item))

    def unread(self, user: User) -> int:
        return Timeline(user).get_unread_count()

    def unread_up_to_100(self, user: User) -> int:
        return Timeline(user).get_unread_count(limit=100)


def person(number: int) -> ResourceKey:
    return ResourceKey("user", str(number))


def publish_many(actions: Iterable[tuple[int, int]], to: ResourceKey | None = None) -> None:
    """As Timeline.save() does one by one: in the timelines of the actors, or in that of somebody else."""
    these = iter(actions)
    while batch := [*islice(these, BATCH_SIZE)]:
        users = User.objects.in_bulk({actor for actor, _ in batch})
        items = Item.objects.in_bulk({item for _, item in batch})
        record_internal(
            [to_save(PublishAction(users[actor], items[item]), uuid4(), to or person(actor)) for actor, item in batch]
        )


def analyze() -> None:
    """What autovacuum does within a minute: without statistics, the rest of a load would be slow."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def size(model: type[models.Model]) -> int:
    """The bytes of a table, with its indexes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s)", [model._meta.db_table])
        return int(cursor.fetchone()[0])
