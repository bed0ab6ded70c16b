"""The operations, in turns, and the table that says which bounds hold.

A round has every operation once, for each number of people and each participant, before the next round begins: what
slows the machine down for a while slows all of them down. Each round begins with another participant. All results must
be equal.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any, Self

import dj_database_url
import psycopg

from example_project.servers.postgresql import postgresql
from example_project.servers.process import ServerUnavailable
from example_project.servers.valkey import own_valkey
from tests.benchmarks.measuring import aligned
from tests.benchmarks.peers.network import FOLLOWS, Network
from tests.benchmarks.peers.process import PAGE

ROOT = Path(__file__).parents[3]
SEQUERE, IN_REDIS = "Sequere", "in Redis"
ACTIVITY_STREAM, FRIENDSHIP, STREAM_FRAMEWORK = "activity-stream", "friendship", "Stream-Framework"
ROUNDS, QUICK = 100, 10
#: What ten times as many people may multiply a time with.
GROWTH = 1.2
#: All databases of a run fit in there, as those of a site should. With the default of 128 MB, the larger ones are read
#: from the system again and again, which costs each participant what it has to look up.
BUFFERS = "3GB"


@dataclass(frozen=True, slots=True)
class Participant:
    """Sequere, or a peer: the module that calls it, its apps, and the directory of its environment, if it has one of
    its own."""

    name: str
    module: str
    apps: tuple[str, ...] = ()
    environment: str | None = None
    in_redis: bool = False

    @property
    def python(self) -> Path:
        """Raises ServerUnavailable, if its environment is not there."""
        if self.environment is None:
            return Path(sys.executable)
        python = Path(sys.prefix, "peers", self.environment, "bin", "python")
        if not python.exists():
            raise ServerUnavailable(f"{self.name} is not installed: `make bench PEERS=1` installs it")
        return python


APPS = ("sequere", "sequere.backends.database", "sequere_timeline", "sequere_timeline.backends.database")
OURS = (
    Participant(SEQUERE, "sequere", APPS),
    Participant(IN_REDIS, "sequere", APPS, in_redis=True),
)
PEERS = (
    Participant(ACTIVITY_STREAM, "activity_stream", ("actstream",), "activity-stream"),
    Participant(FRIENDSHIP, "friendship", ("friendship",), "friendship"),
    Participant(STREAM_FRAMEWORK, "stream_framework", (), "stream-framework", in_redis=True),
)


@dataclass(frozen=True, slots=True)
class Row:
    """An operation with whom it is done, and its bound: a part of the time of the best of some peers."""

    name: str
    operation: str
    #: The keys of people and of items, given the draw of a round.
    arguments: Callable[["Draw"], tuple[list[int], list[int]]]
    at_most: float
    beside: tuple[str, ...]
    #: The bound in Redis, if there is one.
    at_most_in_redis: float | None = None
    #: The peers' times are those of this row, since they have no such operation.
    times_of: str | None = None
    #: One round in so many has it.
    every: int = 1
    #: With how many people there is somebody to do it with.
    people: int = 0

    def bound(self, participant: str) -> float | None:
        return self.at_most_in_redis if participant == IN_REDIS else self.at_most


class Draw:
    """Whom a round is about. The same in every run, and for all participants."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._follows = set(network.follows)
        self._followers = dict.fromkeys(range(1, network.people + 1), 0)
        for _, other in network.follows:
            self._followers[other] += 1
        entries = network.entries()
        self._popular = [one for one, number in self._followers.items() if number >= PAGE]
        self._readers = [one for one, number in entries.items() if number >= PAGE]
        self._round = 0
        self._random = Random()

    def begin(self, number: int) -> None:
        self._round = number
        self._random = Random(number)

    def anybody(self) -> tuple[list[int], list[int]]:
        return [self._random.choice(self._network.others)], []

    def popular(self) -> tuple[list[int], list[int]]:
        return [self._random.choice(self._popular)], []

    def reader(self) -> tuple[list[int], list[int]]:
        return [self._random.choice(self._readers)], []

    def related(self) -> tuple[list[int], list[int]]:
        """Somebody who follows somebody, or, in every other round, who does not."""
        return [*self._random.choice(self._network.follows)] if self._round % 2 else self._strangers(), []

    def strangers(self) -> tuple[list[int], list[int]]:
        """The same in the two rows that draw them: somebody follows somebody who has published nothing, and stops."""
        self._random.seed(self._round)
        return self._strangers(), []

    def guest(self) -> tuple[list[int], list[int]]:
        """Somebody who follows nobody, and somebody who has published 100 actions."""
        guests, prolific = self._network.guests, self._network.prolific
        return [guests[self._round % len(guests)], prolific[self._round % len(prolific)]], []

    def star(self, followers: int) -> tuple[list[int], list[int]]:
        star = self._random.choice(self._network.stars[followers])
        return [star], [self._random.randint(1, self._network.people)]

    def archive(self, entries: int) -> tuple[list[int], list[int]]:
        return [self._network.archives[entries]], []

    def _strangers(self) -> list[int]:
        while True:
            one, other = self._random.choice(self._network.others), self._random.choice(self._network.silent)
            if one != other and (one, other) not in self._follows:
                return [one, other]


RELATIONS, FEEDS = (ACTIVITY_STREAM, FRIENDSHIP), (STREAM_FRAMEWORK,)
ROWS = (
    Row("is_following", "is_following", Draw.related, 0.7, RELATIONS),
    Row("count of followers", "count", Draw.anybody, 0.7, RELATIONS),
    Row("page of 25 followers", "followers", Draw.popular, 1.0, (ACTIVITY_STREAM,)),
    Row("page of 25 timeline entries", "timeline", Draw.reader, 1.0, FEEDS, every=2),
    Row("follow", "follow", Draw.strangers, 1.0, RELATIONS, at_most_in_redis=2.0),
    Row("unfollow", "unfollow", Draw.strangers, 1.0, RELATIONS),
    Row("follow with 100 actions to import", "follow", Draw.guest, 0.8, FEEDS),
    Row("unfollow with 100 actions to remove", "unfollow", Draw.guest, 0.8, FEEDS),
    *(
        Row(
            f"publish to {followers:,}",
            "publish",
            lambda draw, followers=followers: draw.star(followers),
            at_most,
            FEEDS,
            every=every,
            people=2 * followers,
        )
        for followers, at_most, every in ((100, 0.3, 1), (1_000, 0.1, 2), (10_000, 0.05, 10))
    ),
    *(
        Row(
            name,
            operation,
            lambda draw, entries=entries: draw.archive(entries),
            1.0,
            (ACTIVITY_STREAM,),
            times_of="is_following",
            people=people,
        )
        for name, operation, entries, people in (
            ("unread, 1,400 entries", "unread", 1_400, 2_000),
            ("unread, at most 100 of 100,000 entries", "unread_up_to_100", 100_000, 20_000),
        )
    ),
)
#: In bytes, and what they may be.
FIGURES = {"edge": ("bytes per edge with its event", 580), "entry": ("bytes per entry", 115)}


class Process:
    """A participant at work, with its number of people."""

    def __init__(self, participant: Participant, people: int, database: dict[str, Any], redis: str | None) -> None:
        self.participant = participant
        self._people = people
        self._process = subprocess.Popen(
            [participant.python, "-m", "tests.benchmarks.peers.process", str(people)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith(("SEQUERE_", "TESTS_"))},
                "DJANGO_SETTINGS_MODULE": "tests.benchmarks.peers.settings",
                "PEERS_NAME": participant.module,
                "PEERS_APPS": json.dumps(participant.apps),
                "PEERS_DATABASE": json.dumps(database),
                **({"PEERS_REDIS_URL": redis} if redis else {}),
            },
        )
        self.operations: frozenset[str] = frozenset()
        self.figures: dict[str, float] = {}

    def wait_until_loaded(self) -> None:
        if self.operations:
            return
        operations, self.figures = self._answer()
        self.operations = frozenset(operations)
        print(f"{self.participant.name} has loaded the follows of {self._people:,} people.", file=sys.stderr)

    def milliseconds(self, operation: str, people: list[int], items: list[int]) -> tuple[float, object]:
        """How long it has taken, and its result."""
        assert self._process.stdin
        print(json.dumps([operation, people, items]), file=self._process.stdin, flush=True)
        taken, result = self._answer()
        return taken, result

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> Any:
        assert self._process.stdout
        if line := self._process.stdout.readline():
            return json.loads(line)
        raise RuntimeError(f"{self.participant.name} has ended, with code {self._process.wait()}")


@dataclass(slots=True)
class Block:
    """What was measured with a number of people."""

    people: int
    draw: Draw
    processes: list[Process]
    #: The milliseconds of each row and participant.
    times: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    @classmethod
    def loaded(cls, people: int, processes: list[Process]) -> Self:
        network = Network(people)
        for process in processes:
            process.wait_until_loaded()
        return cls(people, Draw(network), processes)

    def rows(self) -> Iterator[Row]:
        return (row for row in ROWS if row.people <= self.people)

    def measure(self, round_: int) -> None:
        self.draw.begin(round_)
        for row in self.rows():
            if round_ % row.every:
                continue
            people, items = row.arguments(self.draw)
            results = {}
            first = round_ % len(self.processes)
            for process in (*self.processes[first:], *self.processes[:first]):
                if row.operation in process.operations:
                    name = process.participant.name
                    taken, results[name] = process.milliseconds(row.operation, people, items)
                    self.times.setdefault((row.name, name), []).append(taken)
            assert len(set(results.values())) == 1, f"{row.name} of {people}: {results}"

    def median(self, row: Row, participant: str) -> float | None:
        times = self.times.get((row.name, participant))
        return median(times) if times else None

    def shown(self, row: Row, participant: str) -> str:
        times = self.times.get((row.name, participant))
        return f"{median(times):,.2f} ({quantiles(times, n=20, method='inclusive')[-1]:,.2f})" if times else ""

    def best(self, row: Row) -> float | None:
        """The milliseconds that the bound of the row is a part of; None without peers."""
        counted = [self.times.get((row.times_of or row.name, peer)) for peer in row.beside]
        return min((median(times) for times in counted if times), default=None)


def compare(*, quick: bool, peers: bool) -> Iterator[str]:
    """The tables of a run, with the columns of peers or without them. Raises ServerUnavailable."""
    participants = (*OURS, *PEERS) if peers else OURS
    for participant in participants:
        participant.python  # noqa: B018  # complain before the servers start
    with ExitStack() as servers:
        url, valkey = servers.enter_context(postgresql(shared_buffers=BUFFERS)), servers.enter_context(own_valkey()).url
        started: dict[int, list[Process]] = {}
        for people in (2_000,) if quick else FOLLOWS:
            for participant in participants:
                number = sum(map(len, started.values()))
                redis = f"{valkey}?db={number}" if participant.in_redis else None
                database = servers.enter_context(new_database(url, f"test_peers_{number}"))
                process = Process(participant, people, database, redis)
                servers.enter_context(closing(process))
                started.setdefault(people, []).append(process)
                if participant.name == SEQUERE:  # alone: a transaction elsewhere keeps dead rows, which have bytes
                    process.wait_until_loaded()
        blocks = [Block.loaded(people, processes) for people, processes in started.items()]
        for round_ in range(QUICK if quick else ROUNDS):
            for block in blocks:
                block.measure(round_)
        before = None
        for block in blocks:
            yield table(block, participants, before)
            before = block


@contextmanager
def new_database(url: str, name: str) -> Iterator[dict[str, Any]]:
    """Django's settings for a new database on the server, which is dropped afterwards."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name}")
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield {**dj_database_url.parse(url), "NAME": name}
        finally:
            server.execute(f"DROP DATABASE {name}")


def table(block: Block, participants: tuple[Participant, ...], before: Block | None) -> str:
    """A line for each row: the median and the 95th percentile of each participant in milliseconds; for Sequere, the
    ratio that the row bounds; and how much more it takes than with the number of people `before`."""
    names = [participant.name for participant in participants]
    ours = [participant.name for participant in OURS]
    bounded = len(participants) > len(OURS)
    lines = [
        [
            f"{block.people:,} people, {FOLLOWS[block.people]:,} follows",
            *names,
            *(f"{name}: ratio" for name in ours if bounded),
            *(f"{name}: growth" for name in ours if before),
        ]
    ]
    for row in block.rows():
        line = [row.name, *(block.shown(row, name) for name in names)]
        if bounded:
            line += [verdict(block.median(row, name), block.best(row), row.bound(name)) for name in ours]
        if before:
            line += [verdict(block.median(row, name), before.median(row, name), GROWTH) for name in ours]
        lines.append(line)
    figures = block.processes[0].figures
    for key, (name, bound) in FIGURES.items():
        lines.append([name, f"{figures[key]:.0f}, at most {bound}: {judged(figures[key] <= bound)}"])
    width = len(lines[0])
    return aligned([line + [""] * (width - len(line)) for line in lines])


def verdict(taken: float | None, other: float | None, at_most: float | None) -> str:
    if taken is None or other is None:
        return ""
    if at_most is None:
        return f"{taken / other:.2f}"
    return f"{taken / other:.2f}, at most {at_most}: {judged(taken <= at_most * other)}"


def judged(holds: bool) -> str:
    return "ok" if holds else "too much"
