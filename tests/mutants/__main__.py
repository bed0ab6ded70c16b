"""Make mistakes in the log, the outbox and the relations, one at a time, and count those that a test notices.

`python -m tests.mutants [--sample 200] [--seed 1] [--only log/paging] [--list]`. First every test is run once, to learn
which tests go through which line; then each mutant meets the tests that go through its line, the fastest ones first. In
a copy of the checkout, on a PostgreSQL server of its own; a mutant that nobody notices there meets them on SQLite as
well, and `makemigrations --check`. Exit status 1 if more than a tenth survives.
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
from pathlib import Path
from py_compile import PycInvalidationMode
from random import Random

from example_project.servers.postgresql import postgresql
from tests.mutants.mutating import ROOMS, ROOT, Mutant, mutants

#: Where the tests of the three rooms are.
TESTS = [
    *(
        f"tests/sequere/test_{name}.py"
        for name in ("as_of", "causation", "checks", "deletion", "event_types", "flush", "follows")
    ),
    *(
        f"tests/sequere/test_{name}.py"
        for name in ("gates", "health", "identity", "immutability", "keys", "log", "many")
    ),
    *(
        f"tests/sequere/test_{name}.py"
        for name in ("metadata", "moves", "mutes", "operators", "outbox", "paging", "projector_queues")
    ),
    *(
        f"tests/sequere/test_{name}.py"
        for name in ("projectors", "recording", "relation_key", "requests", "scenarios", "scopes", "statements")
    ),
    *(f"tests/sequere/test_{name}.py" for name in ("signals_of_projection", "trouble", "troubles")),
    *("tests/admin/test_events.py", "tests/admin/test_event.py", "tests/admin/test_projections.py"),
    *(
        "tests/sequere_timeline/test_fan_outs.py",
        "tests/sequere_timeline/test_deletion.py",
        "tests/replay/test_damage.py",
        "tests/contracts",
        "tests/redis/test_older_servers.py",
    ),
]
#: Tests that one mutant meets at most.
TESTS_AT_MOST = 60
#: Lines below a decorator or a default where the function begins.
LINES_BELOW = 12
#: Seconds after which a mutant counts as noticed: it never ends.
PATIENCE = 300
PLACES = ("postgresql", "sqlite", "migrations")
#: What compares the models with their migrations: columns and constraints.
MIGRATIONS = ["-m", "django", "makemigrations", "--check", "--dry-run", "--settings=tests.settings"]

#: By file and line, the tests that go through it, the fastest first.
Meetings = dict[str, dict[str, list[str]]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__, allow_abbrev=False)
    parser.add_argument("--sample", type=int, default=0, metavar="N", help="so many, drawn at random; all by default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="TEXT", help="only of the files with this in their paths")
    parser.add_argument("--list", action="store_true", help="only say which mutants there are")
    parser.add_argument("--meetings", type=Path, help="keep in this file, or take from it, which tests go where")
    options = parser.parse_args()
    chosen = [mutant for mutant in mutants() if options.only in mutant.path]
    if 0 < options.sample < len(chosen):
        chosen = sorted(Random(options.seed).sample(chosen, options.sample), key=str)  # to be repeatable
    if options.list:
        for mutant in chosen:
            print(mutant, mutant.change())
        return 0
    with tempfile.TemporaryDirectory() as directory, postgresql() as url:
        copy = Path(directory, "checkout")
        _copy_to(copy)
        # Compiled once; a hash tells a mutant from the file, which its time would not.
        compileall.compile_dir(copy, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        environments = {place: {"SEQUERE_DATABASE_URL": url if place == "postgresql" else ""} for place in PLACES}
        meetings = _meetings(copy, environments["postgresql"], options.meetings)
        return _report(chosen, {mutant: _outcome(mutant, copy, environments, meetings) for mutant in chosen})


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


def _meetings(copy: Path, environment: dict[str, str], file: Path | None) -> Meetings:
    """Run all tests once, with what they go through, and how much of the rooms that is."""
    if file and file.exists():
        found: Meetings = json.loads(file.read_text())
        return found
    file = file or copy / "meetings.json"
    done = _tested(copy, ["-m", "tests.mutants.meetings", str(file.absolute()), *TESTS], environment, None)
    print(done.stdout[-2000:] if done else "")
    if done is None or done.returncode:
        raise SystemExit("The tests fail without any mistake.")
    return _meetings(copy, environment, file)


def _outcome(mutant: Mutant, copy: Path, environments: dict[str, dict[str, str]], meetings: Meetings) -> str:
    """Where a mutant is noticed; empty if it survives, "no test" if none goes through its line."""
    tests = _tests_of(mutant, meetings)
    path = copy / mutant.path
    right = path.read_text()
    path.write_text(mutant.code())
    try:
        for place in PLACES if tests else ():
            arguments = (
                MIGRATIONS if place == "migrations" else ["-m", "pytest", "-x", "-q", "-p", "no:randomly", *tests]
            )
            done = _tested(copy, arguments, environments[place], PATIENCE)
            if done is None or done.returncode:
                print(f"{place:11} {mutant}", flush=True)
                return place
    finally:
        path.write_text(right)
    outcome = "" if tests else "no test"
    print(f"{outcome or 'SURVIVED':11} {mutant}  {mutant.change()}", flush=True)
    return outcome


def _tests_of(mutant: Mutant, meetings: Meetings) -> list[str]:
    """The tests that go through its line; if that is run when the module is imported, through the next ones, or through
    the line that most tests go through. Then those of the module: the line may be run before any test."""
    of_file = meetings.get(mutant.path, {})
    lines = range(mutant.line, mutant.line + LINES_BELOW)
    below = next(filter(None, (of_file.get(str(line), []) for line in lines)), None)
    met = (below or max(of_file.values(), key=len, default=[]))[:TESTS_AT_MOST]
    of_module = f"tests/sequere/test_{Path(mutant.path).stem}.py"
    return [*met, of_module] if met and of_module in TESTS else met


def _tested(
    copy: Path, arguments: list[str], environment: dict[str, str], seconds: float | None
) -> "subprocess.CompletedProcess[str] | None":
    """A process in the copy; None if it does not end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TESTS_", "SEQUERE_"))}
    try:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=copy,
            env={**clean, **environment, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return None


def _report(chosen: list[Mutant], outcomes: dict[Mutant, str]) -> int:
    survivors = [mutant for mutant in chosen if outcomes[mutant] not in PLACES]
    by_room: dict[str, Counter[bool]] = defaultdict(Counter)
    for mutant in chosen:
        by_room[mutant.path.split("/")[1]][outcomes[mutant] in PLACES] += 1
    for room in ROOMS:
        print(f"{room}: {by_room[room][True]} of {by_room[room].total()} are noticed")
    for mutant in survivors:
        print(f"  survives: {mutant}  {mutant.change()}")
    noticed = len(chosen) - len(survivors)
    print(f"{noticed} of {len(chosen)} mutants are noticed, {noticed / max(len(chosen), 1):.0%}")
    return int(10 * len(survivors) > len(chosen))


if __name__ == "__main__":
    sys.exit(main())
