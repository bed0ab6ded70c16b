"""Random damage to a server, or an earlier state of it: all of it is found, and a repair leaves what a rebuild of an
empty server makes.

The long form: `TESTS_ROUNDS=500 python -m tests --only redis tests/redis/test_random_damage.py`, 2,000 damages; with
`TESTS_SEED=100`, the first of them is number 100.
"""

import os
import re
from random import Random
from typing import Any

import pytest

from sequere.contrib.timeline import Timeline
from sequere.models import follow, unfollow
from sequere.projections.registry import read_models
from sequere.redis.layout import Layout
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from tests.factories import ProjectFactory, UserFactory
from tests.races.outcome import differences
from tests.rounds import TIMES
from tests.sequere_timeline.dates import october
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db

Stored = dict[str, Any]

#: The first damage.
FIRST = int(os.environ.get("TESTS_SEED", "0"))
#: What may differ from a model that is made of nothing.
HISTORY = (":global:token", ":global:load:", ":private:")


def history(random: Random, everybody: list[Any], films: list[Any]) -> None:
    """Follows, actions, read marks and deletions."""
    for _ in range(12):
        one, other = random.sample(everybody, 2)
        random.choice([follow, follow, unfollow])(one, random.choice([other, *films]))
        action = random.choice([JoinAction(actor=one), LikeAction(actor=one, target=random.choice(films), stars=1)])
        action.date = october(random.randrange(1, 30))
        Timeline(random.choice([one, one, other])).save(action)
        if random.random() < 0.2:
            Timeline(action.actor).delete(action)
        if random.random() < 0.3:
            Timeline(other).mark_as_read(october(random.randrange(1, 30)))
        Timeline(other).get_private_count()


class Server:
    """What a server holds, as bytes."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.client.connection_pool.connection_kwargs["decode_responses"] = False
        self.client.connection_pool.disconnect()

    def dump(self) -> dict[bytes, bytes]:
        return {key: self.client.dump(key) for key in self.client.scan_iter(count=1000)}

    def restore(self, dump: dict[bytes, bytes]) -> None:
        self.client.flushall()
        for key, value in dump.items():
            self.client.restore(key, 0, value)

    def remove_foreign(self) -> None:
        """As an operator does, who is told of keys whose names are not ours: no repair removes them."""
        for key in self.client.scan_iter(count=1000):
            name = key.decode().removeprefix("sequere:")
            if not any(layout.type_of(name.removeprefix("timeline:")) for layout in Layout.known):
                self.client.delete(key)

    def read(self) -> Stored:
        """Everything but what a rebuild makes anew."""
        stored: Stored = {}
        for key in sorted(self.client.scan_iter(count=1000)):
            type_, name = self.client.type(key), key.decode()
            if any(part in name for part in HISTORY):
                continue
            if type_ == b"hash":
                value = self.client.hgetall(key)
                for field in (b"token", b"seen", b"direct", b"checkpoint"):
                    value.pop(field, None)
                for field in (b"event", b"floor") if b":global:log:" in key else ():
                    value.pop(field, None)
                if not value:  # nothing but a token
                    continue
                stored[name] = value
            else:
                stored[name] = (
                    self.client.zrange(key, 0, -1, withscores=True) if type_ == b"zset" else self.client.get(key)
                )
        # The server need not know the name of a resource without follows.
        owners = {name.split(":")[2] for name in stored if re.match(r"sequere:uid:\d", name)}
        names = {key: uid for key, uid in stored.items() if re.match(r"sequere:uid:[^:\d]", key)}
        for name, uid in names.items():
            if isinstance(uid, bytes) and uid.decode() not in owners:
                del stored[name]
                stored.pop(f"sequere:uid::{uid.decode()}", None)
        return stored


def damage(server: Server, earlier: dict[bytes, bytes], random: Random) -> str:
    """Lose, keep, duplicate, exchange or alter some keys, or have them, or all, come back from an earlier moment."""
    client = server.client
    keys = [key for key in sorted(client.scan_iter(count=1000)) if b":global:" not in key and b":private:" not in key]
    chosen = random.sample(keys, random.choice([1, 1, 2, 5]))
    kind = random.choice(["lose", "keep", "duplicate", "exchange", "alter", "earlier", "all earlier"])
    match kind:
        case "lose":
            client.delete(*chosen)
        case "keep":
            client.delete(*random.sample(keys, len(keys) // 2))
        case "duplicate":
            for key in chosen:
                others = [one for one in keys if one != key]
                client.copy(key, random.choice([key + b"1", random.choice(others)]), replace=True)
        case "exchange":
            one, other = random.sample(keys, 2)
            client.rename(one, b"sequere:tmp")
            client.rename(other, one)
            client.rename(b"sequere:tmp", other)
        case "alter":
            for key in chosen:
                alter(client, key, random)
        case "earlier":
            for key in chosen:
                client.delete(key)
                if key in earlier:
                    client.restore(key, 0, earlier[key])
        case "all earlier":
            server.restore(earlier)
    return f"{kind} {chosen}"


def alter(client: Any, key: bytes, random: Random) -> None:
    """Change a part of a key, lose one, or add one."""
    match client.type(key):
        case b"zset":
            member = random.choice(client.zrange(key, 0, -1))
            random.choice(
                [
                    lambda: client.zrem(key, member),
                    lambda: client.zincrby(key, 1000, member),
                    lambda: client.zadd(key, {member + b"1": 5}),
                ]
            )()
        case b"hash":
            field = random.choice(client.hkeys(key))
            random.choice(
                [
                    lambda: client.hdel(key, field),
                    lambda: client.hset(key, field, client.hget(key, field) + b"1"),
                    lambda: client.hset(key, field, b""),
                ]
            )()
        case b"string":
            random.choice([lambda: client.append(key, "1"), lambda: client.set(key, "many")])()


@pytest.fixture
def holding(client: Any) -> Server:
    return Server(client)


def made_of_nothing(server: Server) -> Stored:
    """What a rebuild makes of an empty server."""
    server.client.flushall()
    for name, model in read_models().items():
        model.reset("default")
        rebuild(name)
    return server.read()


def test_random_damage_is_found_and_repaired(holding: Server) -> None:
    random, server = Random(0), holding
    everybody, films = UserFactory.create_batch(5), ProjectFactory.create_batch(3)
    history(random, everybody, films)
    films.pop().delete()
    earlier = server.dump()
    history(random, everybody, films)
    everybody.pop().delete()
    present = server.dump()
    wanted = made_of_nothing(server)
    unnoticed, wrong = [], []

    for number in range(FIRST, FIRST + 4 * TIMES):
        server.restore(present)
        what = damage(server, earlier, of_this := Random(number))
        if server.read() != wanted and not differences():
            unnoticed.append((number, what))
        for name in read_models():
            verify(name, repair=True) if of_this.random() < 0.5 else rebuild(name)
        server.remove_foreign()
        if (left := different(server.read(), wanted)) or differences():
            wrong.append((number, what, left))

    assert (unnoticed, wrong) == ([], [])


def different(found: Stored, wanted: Stored) -> dict[str, Any]:
    return {key: (found.get(key), wanted.get(key)) for key in {*found, *wanted} if found.get(key) != wanted.get(key)}
