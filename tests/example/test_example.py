"""The example project as its users run it; its pages and load_graph are tested in unittest_*.py."""

import gzip

from tests.example.conftest import Manage
from tests.host.processes import ROOT


def test_its_pages_and_load_graph_work(manage: Manage) -> None:
    done = manage("test", "tests.example", "--pattern", "unittest_*.py", "--noinput")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "OK" in done.stderr


def test_its_models_have_all_their_migrations(manage: Manage) -> None:
    done = manage("makemigrations", "--check", "--dry-run")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_system_checks_find_nothing(manage: Manage) -> None:
    manage("migrate", "-v0")

    done = manage("check", "--database", "default", "--fail-level", "WARNING")

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_real_graph_is_there() -> None:
    with gzip.open(ROOT / "example_project" / "data" / "debian-depends.tsv.gz", "rt") as lines:
        follows = [line.rstrip("\n").split("\t") for line in lines]

    assert len(follows) == 272_880
    assert len({name for names in follows for name in names}) == 59_253
    assert sum(followed == "libc6" for _, followed in follows) == 21_840
