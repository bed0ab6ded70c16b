"""Run the whole suite on SQLite and on PostgreSQL; there what concerns read models once more in mode on_commit.

`python -m tests [--only DATABASE] [pytest's arguments]`; PostgreSQL is the server in
SEQUERE_DATABASE_URL, or one that is started for the run.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree

from servers.postgresql import given_postgresql, postgresql
from servers.process import ServerUnavailable

MAX_WORKERS = 4
#: What is run in every mode of projection.
CONTRACTS = [
    *(f"tests/sequere/test_{name}.py" for name in ("deletion", "follows", "friends", "many", "outbox")),
    *(f"tests/{name}" for name in ("sequere_timeline", "model", "races")),
]
CI = os.environ.get("CI") == "true"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the suite did on one database."""

    database: str
    ok: bool
    summary: str

    def __str__(self) -> str:
        return f"{self.database}: {self.summary}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests", description=__doc__, allow_abbrev=False)
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="run on this database alone")
    options, arguments = parser.parse_known_args()
    signal.signal(signal.SIGTERM, _terminated)

    outcomes = []
    try:
        if options.only != "postgresql":
            outcomes.append(run("SQLite", None, arguments))
        if options.only != "sqlite":
            outcomes += run_on_postgresql(arguments)
    except KeyboardInterrupt:
        return 130
    headline("Summary")
    print(*outcomes, sep="\n", flush=True)
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def run_on_postgresql(arguments: list[str]) -> list[Outcome]:
    chosen = any(argument.startswith("tests") for argument in arguments)
    try:
        with postgresql() as url:
            return [
                run("PostgreSQL", url, arguments),
                run("PostgreSQL, on_commit", url, arguments if chosen else [*CONTRACTS, *arguments], mode="on_commit"),
            ]
    except ServerUnavailable as error:
        headline("PostgreSQL")
        print(error, flush=True)
        return [Outcome("PostgreSQL", ok=not CI, summary=f"not run: {str(error).splitlines()[0]}")]


def run(database: str, url: str | None, arguments: list[str], *, mode: str = "inline") -> Outcome:
    headline(f"{database}, from SEQUERE_DATABASE_URL" if url and url == given_postgresql() else database)
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "TESTS_PROJECTION_MODE": mode}
    environment.pop("SEQUERE_DATABASE_URL", None)
    if url:
        environment["SEQUERE_DATABASE_URL"] = url
    workers = 0 if "--pdb" in arguments else min(os.cpu_count() or 1, MAX_WORKERS)
    with tempfile.TemporaryDirectory(prefix="sequere-", ignore_cleanup_errors=True) as directory:
        environment["TMPDIR"] = directory  # whatever the tests leave behind goes with it
        report = Path(directory, "report.xml")
        command = [
            sys.executable,
            "-m",
            "pytest",
            f"-n{workers}",
            f"--junitxml={report}",
            *arguments,
        ]
        code = _wait_for(subprocess.Popen(command, env=environment))
        summary = _counts(report) if report.exists() else "no report"
    if code not in {0, 1}:
        summary += f" (pytest ended with exit code {code})"
    return Outcome(database, ok=code == 0, summary=summary)


def headline(text: str) -> None:
    print(f"\n==== {text} ====", flush=True)


def _wait_for(pytest: subprocess.Popen[bytes]) -> int:
    """Its exit code. Pytest is never left behind, and has the time to remove its databases."""
    try:
        return pytest.wait()
    except KeyboardInterrupt:  # the terminal has told pytest as well
        pytest.wait(timeout=30)
        raise
    finally:
        if pytest.poll() is None:
            pytest.send_signal(signal.SIGINT)
            try:
                pytest.wait(timeout=30)
            finally:
                pytest.kill()


def _counts(report: Path) -> str:
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in suites:
        for name in totals:
            totals[name] += int(suite.get(name, 0))
    failed = totals["failures"] + totals["errors"]
    skipped = totals["skipped"]
    return f"{totals['tests'] - failed - skipped} passed, {failed} failed, {skipped} skipped"


def _terminated(*_: object) -> NoReturn:
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())
