"""Follows by several processes at once: `python -m tests.benchmarks.crowd FIRST NUMBER CELEBRITY` is one of them.

Beside it, the same processes follow somebody else each: the difference is what they wait for each other.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

from sequere.base import ResourceKey
from tests.benchmarks.measuring import Line

ROOT = Path(__file__).parents[2]
PROCESSES = 4


def crowds(first: int, number: int) -> Iterator[Line]:
    """New people, from the number `first` on, follow one celebrity, or one of several."""
    of_one, of_each = (
        [f"{kind} {process if each else 0}" for process in range(PROCESSES)]
        for kind, each in (("celebrity", False), ("another", True))
    )
    for name, celebrities in (("one celebrity", of_one), ("a celebrity each", of_each)):
        seconds = _follow(first, number // PROCESSES, celebrities)
        yield Line(f"follows of {name} by {PROCESSES} processes", seconds, things=number)
        first += number


def _follow(first: int, number: int, celebrities: list[str]) -> float:
    with ExitStack() as running:
        processes = [
            running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", __name__, str(first + place * number), str(number), celebrity],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=ROOT,
                )
            )
            for place, celebrity in enumerate(celebrities)
        ]
        for process in processes:
            _heard_of(process)
        start = perf_counter()
        for process in processes:
            assert process.stdin
            process.stdin.close()
        for process in processes:
            _heard_of(process)
        return perf_counter() - start


def _heard_of(process: "subprocess.Popen[str]") -> None:
    assert process.stdout
    if not process.stdout.readline():
        raise RuntimeError("A process has ended before it had followed.")


def main(first: int, number: int, celebrity: str) -> None:
    """Follow one of their own, say so, wait for the end of the input, follow the celebrity, and say so."""
    import django

    django.setup()
    from sequere.models import follow

    fans = [ResourceKey("package", f"fan {one}") for one in range(first, first + number)]
    follow(fans[0], fans[-1])
    print("ready", flush=True)
    sys.stdin.read()
    for fan in fans:
        follow(fan, ResourceKey("package", celebrity))
    print("done", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]), sys.argv[3])
