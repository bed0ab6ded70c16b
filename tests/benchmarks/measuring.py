"""The times of two ways to do the same work, taken in turns, and their table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

#: Called with the number of the round.
Work = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: seconds for a number of things, ours and, if it exists, raw."""

    name: str
    ours: float
    raw: float | None = None
    things: int = 1

    def cells(self) -> tuple[str, ...]:
        if self.raw is None:
            return self.name, self._shown(self.ours), "", ""
        return self.name, self._shown(self.ours), self._shown(self.raw), f"{self.ours / self.raw:.1f}"

    def _shown(self, seconds: float) -> str:
        return f"{self.things / seconds:,.0f}/s" if self.things > 1 else f"{1000 * seconds:.2f} ms"


def compare(name: str, ours: Work, raw: Work | None = None, *, rounds: int, calls: int = 1, things: int = 1) -> Line:
    """The medians of the rounds, ours and raw in turns. A round does the work `calls` times."""
    times: dict[Work, list[float]] = {work: [] for work in (ours, raw) if work}
    for round_ in range(rounds):
        for work, taken in times.items():
            start = perf_counter()
            for call in range(calls):
                work(round_ * calls + call)
            taken.append((perf_counter() - start) / calls)
    medians = [median(taken) for taken in times.values()]
    return Line(name, *medians, things=things)


def table(lines: list[Line], raw: str) -> str:
    return aligned([("", "Sequere", raw, "ratio"), *(line.cells() for line in lines)])


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines; the first column is flush left, the others are flush right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    )
