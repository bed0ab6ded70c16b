"""Make mistakes in the log, the outbox and the relations, one at a time, and count those that a test notices.

`python -m tests.mutants [--sample 200] [--seed 1] [--only log/paging] [--list]`. First every test is run once, to learn
which tests go through which line; then each mutant meets the tests that go through its line, of each file the fastest
ones. In a copy of the checkout, on a PostgreSQL server of its own; a mutant that nobody notices there meets them on
SQLite as well (`serving.py`). One whose mistake is run when its module is imported meets `makemigrations --check`, and
the tests in processes that begin anew. The mutants come in a random order, so those that were met before an
interruption are a sample, too. Exit status 1 if more than a tenth survives.
"""

import argparse
import compileall
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import accumulate, zip_longest
from pathlib import Path
from py_compile import PycInvalidationMode
from random import Random
from typing import NamedTuple, TextIO, TypedDict

from example_project.servers.postgresql import postgresql
from tests.mutants.mutating import ROOMS, ROOT, Mutant, mutants
from tests.mutants.serving import ANEW, NOTICED

#: Where the tests of the three rooms are.
TESTS = [
    *(
        f"tests/sequere/test_{name}.py"
        for name in ("as_of", "blocks", "causation", "checks", "deletion", "event_types", "flush", "follows")
    ),
    *(
        f"tests/sequere/test_{name}.py"
        for name in ("gates", "health", "identity", "immutability", "import_follows", "keys", "log", "many")
    ),
    *(
        f"tests/sequere/test_{name}.py"
        for name in ("metadata", "moves", "mutes", "one_call", "operators", "outbox", "paging", "projector_queues")
    ),
    *(
        f"tests/sequere/test_{name}.py"
        for name in ("projectors", "recording", "relation_key", "requests", "scenarios", "scopes", "statements")
    ),
    *(f"tests/sequere/test_{name}.py" for name in ("signals_of_projection", "suspensions", "trouble", "troubles")),
    *("tests/admin/test_events.py", "tests/admin/test_event.py", "tests/admin/test_projections.py"),
    *(
        "tests/sequere_timeline/test_fan_outs.py",
        "tests/sequere_timeline/test_deletion.py",
        "tests/replay/test_damage.py",
        "tests/contracts",
        "tests/redis/test_older_servers.py",
    ),
]
#: Seconds that the tests took, when they were run once, which one mutant meets at most in one place.
SECONDS_AT_MOST = 15
#: Lines below a decorator or a default where the function begins.
LINES_BELOW = 12
#: Seconds after which a mutant counts as noticed, since it never ends: that long, and so many for each second of tests.
PATIENCE, PATIENCE_PER_SECOND = 60, 5
#: Where a mutant is noticed.
DATABASES, MIGRATIONS = ("postgresql", "sqlite"), "migrations"
PLACES = (*DATABASES, MIGRATIONS)
#: What compares the models with their migrations: columns and constraints.
MAKE_MIGRATIONS = ["-m", "django", "makemigrations", "--check", "--dry-run", "--settings=tests.settings"]


class Meetings(TypedDict):
    """Which tests go where."""

    #: By file and line, the tests that go through it.
    lines: dict[str, dict[str, list[str]]]
    #: How long each test took.
    seconds: dict[str, float]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__, allow_abbrev=False)
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="so many, drawn at random; all by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="TEXT", help="only of the files with this in their paths")
    parser.add_argument("--list", action="store_true", help="only say which mutants there are")
    parser.add_argument("--meetings", type=Path, help="keep in this file, or take from it, which tests go where")
    options = parser.parse_args()
    chosen = [mutant for mutant in mutants() if options.only in mutant.path]
    chosen = Random(options.seed).sample(chosen, min(options.sample or len(chosen), len(chosen)))
    if options.list:
        for mutant in chosen:
            print(mutant, mutant.change())
        return 0
    with tempfile.TemporaryDirectory() as directory, postgresql() as url:
        copy = Path(directory, "checkout")
        _copy_to(copy)
        # Compiled once; a hash tells a mutant from the file, which its time would not.
        compileall.compile_dir(copy, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        _have_tables(_renamed(url, "template1"), copy)
        meetings = _meetings(copy, url, options.meetings)
        with ExitStack() as stack:
            urls = {"postgresql": url, "sqlite": ""}
            servers = {place: stack.enter_context(_server(copy, urls[place])) for place in DATABASES}
            outcomes: dict[Mutant, str] = {}
            with suppress(KeyboardInterrupt):
                for mutant in chosen:
                    place, test = _outcome(mutant, copy, servers, _renamed(url, "anew"), meetings)
                    outcomes[mutant] = place
                    print(f"{place or 'SURVIVES':11} {mutant}  {test if place else mutant.change()}", flush=True)
        return _report(outcomes)


def _renamed(url: str, database: str) -> str:
    return url.replace("/postgres?", f"/{database}?")


def _copy_to(copy: Path) -> None:
    """Copy what git knows of, or would."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)


def _have_tables(template: str, copy: Path) -> None:
    """Create the tables in the database that PostgreSQL copies for each run of the tests."""
    done = _tested(copy, ["-m", "django", "migrate", "--settings=tests.settings"], template)
    if done is None or done.returncode:
        raise SystemExit(done and done.stderr)


def _meetings(copy: Path, url: str, file: Path | None) -> Meetings:
    """Run all tests once, with what they go through, and how much of the rooms that is."""
    if file and file.exists():
        found: Meetings = json.loads(file.read_text())
        return found
    file = file or copy / "meetings.json"
    done = _tested(copy, ["-m", "tests.mutants.meetings", str(file.absolute()), *TESTS], url)
    print(done.stdout[-2000:] if done else "")
    if done is None or done.returncode:
        raise SystemExit("The tests fail without any mistake.")
    return _meetings(copy, url, file)


class Server(NamedTuple):
    """A process that has collected all tests."""

    requests: TextIO
    answers: TextIO

    def meet(self, mutant: Mutant, tests: list[str], seconds: float) -> str:
        """NOTICED with the name of a test, SURVIVES or ANEW."""
        right, wrong = (ROOT / mutant.path).read_text(), mutant.code()
        request = {"path": mutant.path, "right": right, "wrong": wrong, "tests": tests, "seconds": seconds}
        print(json.dumps(request), file=self.requests, flush=True)
        answer = self.answers.readline().strip()
        if not answer:
            raise SystemExit("The tests have ended.")
        return answer


@contextmanager
def _server(copy: Path, url: str) -> Iterator[Server]:
    (read, to_server), (from_server, write) = os.pipe(), os.pipe()
    command = [sys.executable, "-m", "tests.mutants.serving", str(read), str(write), *TESTS]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            command, cwd=copy, env=_environment(url), pass_fds=(read, write), stdout=log, stderr=log
        ) as process,
        os.fdopen(from_server) as answers,
        os.fdopen(to_server, "w") as requests,
    ):
        os.close(read)
        os.close(write)
        if not answers.readline():
            process.wait()
            log.seek(0)
            raise SystemExit(log.read().decode())
        yield Server(requests, answers)


def _outcome(mutant: Mutant, copy: Path, servers: dict[str, Server], url: str, meetings: Meetings) -> tuple[str, str]:
    """Where a mutant is noticed, and by which test, if that is known; empty if it survives."""
    tests, seconds, is_met = _tests_of(mutant, meetings)
    for place, server in servers.items() if tests else ():
        answer = server.meet(mutant, tests, seconds)
        if answer.startswith(NOTICED):
            return place, answer.removeprefix(NOTICED).strip()
        is_met = is_met and answer != ANEW
    return ("" if is_met or not tests else _noticed_anew(mutant, copy, url, tests, seconds)), ""


def _noticed_anew(mutant: Mutant, copy: Path, url: str, tests: list[str], seconds: float) -> str:
    """Where a mutant is noticed by processes that import it; empty if it survives."""
    path = copy / mutant.path
    right = path.read_text()
    path.write_text(mutant.code())
    run = ["-m", "pytest", "-x", "-q", "-p", "no:randomly", *tests]
    try:
        for place, arguments in ((MIGRATIONS, MAKE_MIGRATIONS), *((place, run) for place in DATABASES)):
            patience = PATIENCE + PATIENCE_PER_SECOND * seconds
            done = _tested(copy, arguments, url if place == "postgresql" else "", patience)
            if done is None or done.returncode:
                return place
    finally:
        path.write_text(right)
    return ""


def _tests_of(mutant: Mutant, meetings: Meetings) -> tuple[list[str], float, bool]:
    """The tests that a mutant meets, how many seconds they took, and whether they go through its line. If none does,
    since it is run when the module is imported, those that go through the next ones, or through the line that most
    tests go through. Then those of the module: the line may be run before any test."""
    of_file, seconds = meetings["lines"].get(mutant.path, {}), meetings["seconds"]
    lines = range(mutant.line, mutant.line + LINES_BELOW)
    below = next(filter(None, (of_file.get(str(line), []) for line in lines)), None)
    met = list(_fastest(below or max(of_file.values(), key=len, default=[]), seconds))
    of_module = f"tests/sequere/test_{Path(mutant.path).stem}.py"
    own = [test for test in seconds if test.startswith(f"{of_module}::")] if met else []
    tests = [*met, *([of_module] if own else [])]
    return tests, sum(seconds[test] for test in {*met, *own}), bool(of_file.get(str(mutant.line)))


def _fastest(tests: Collection[str], seconds: dict[str, float]) -> Iterator[str]:
    """The fastest test of each file, then the second of each, and so on, as long as there is time."""
    by_file: dict[str, list[str]] = defaultdict(list)
    for test in sorted(tests, key=seconds.__getitem__):
        by_file[test.partition("::")[0]].append(test)
    in_turns = [test for turn in zip_longest(*by_file.values()) for test in turn if test]
    for test, until in zip(in_turns, accumulate(seconds[test] for test in in_turns), strict=True):
        if until <= SECONDS_AT_MOST or test == in_turns[0]:
            yield test


def _tested(
    copy: Path, arguments: list[str], url: str, seconds: float | None = None
) -> "subprocess.CompletedProcess[str] | None":
    """A process in the copy; None if it does not end."""
    try:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=copy,
            env=_environment(url),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return None


def _environment(url: str) -> dict[str, str]:
    """With a database; without a URL, it is SQLite."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TESTS_", "SEQUERE_"))}
    return {**clean, "SEQUERE_DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1"}


def _report(outcomes: dict[Mutant, str]) -> int:
    survivors = sorted((mutant for mutant, place in outcomes.items() if place not in PLACES), key=str)
    by_room: dict[str, Counter[bool]] = defaultdict(Counter)
    for mutant, place in outcomes.items():
        by_room[mutant.path.split("/")[1]][place in PLACES] += 1
    for room in ROOMS:
        print(f"{room}: {by_room[room][True]} of {by_room[room].total()} are noticed")
    for mutant in survivors:
        print(f"  survives: {mutant}  {mutant.change()}")
    noticed = len(outcomes) - len(survivors)
    print(f"{noticed} of {len(outcomes)} mutants are noticed, {noticed / max(len(outcomes), 1):.0%}")
    return int(10 * len(survivors) > len(outcomes))


if __name__ == "__main__":
    sys.exit(main())
