"""The parts that the comparisons of timelines in Redis share."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from sequere.base import ResourceKey
from sequere.projections.reconciler import Comparison, Difference
from sequere.redis.connection import text
from sequere.redis.read_model import RedisModel
from sequere.redis.scores import from_score
from sequere_timeline.backends.redis.keys import TimelineKeys
from sequere_timeline.backends.redis.names import numbers_for
from sequere_timeline.backends.redis.writer import Command, Writer
from sequere_timeline.history import Life


class Expected(NamedTuple):
    """The answer that a command should have."""

    what: str
    command: Command
    answer: Any


class TimelineComparison(Comparison):
    def __init__(self, model: RedisModel) -> None:
        self._model = model
        self._connection = model.connection
        self._keys = TimelineKeys(model.connection)

    def _token(self, using: str, *, repair: bool) -> int:
        """The token of a writer, drawn after it has locked what it is going to change, and before it reads the log."""
        return self._model.draw([], using)[0] if repair else 0

    def _writer(self, lives: Collection[Life], token: int, using: str) -> Writer:
        return Writer(self._connection, token, numbers_for(lives, using), using)

    def _differences(self, expected: Sequence[Expected]) -> list[Difference | None]:
        """For each command, the difference between its answer and the expected one. 1 round trip."""
        answers = map(_plain, self._connection.run(command for _, command, _ in expected))
        return [
            None if answer == wanted else Difference(what, _shown(wanted), _shown(answer))
            for (what, _, wanted), answer in zip(expected, answers, strict=True)
        ]


def actors(rows: Iterable[Sequence[Any]], using: str) -> list[ResourceKey]:
    """The actors of rows of (id, actor_identifier, actor_object_id)."""
    return [ResourceKey(*row[1:]) for row in rows]


def shown_moment(score: int | None) -> str:
    return "none" if score is None else str(from_score(score))


def _plain(answer: Any) -> Any:
    """An answer as texts, whatever the client makes of it."""
    if isinstance(answer, list):
        return [_plain(one) for one in answer]
    if isinstance(answer, float):
        return str(round(answer))
    return None if answer is None else text(answer)


def _shown(answer: Any) -> str:
    if isinstance(answer, list):
        return "none" if answer[0] is None else ", ".join(f"{one}" for one in answer)
    return "none" if answer is None else str(answer)
