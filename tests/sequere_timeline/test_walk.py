"""How much of Sequere a reader, and the interpreter, goes through for one follow."""

import re
import subprocess
import sys

import pytest
from django.db import connection

from tests.benchmarks.walk import ROOT


@pytest.mark.inline
@pytest.mark.database
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite takes the longer road of any event")
def test_a_follow_of_somebody_who_has_published_goes_through_a_few_files() -> None:
    """The numbers of docs/architecture.md. A process of its own, since a suite listens to more than a site does."""
    walk = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.walk"], cwd=ROOT, check=True, capture_output=True, text=True
    )

    calls, files = map(int, re.findall(r"\d+", walk.stdout.splitlines()[0]))
    assert (calls <= 91, files <= 22) == (True, True), walk.stdout
