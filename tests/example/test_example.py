"""The example project, its commands and its demo, each in a process of its own with a database of its own."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host.processes import ROOT

GRAPH = "libc6\tlibgcc-s1\nbash\tlibc6\nlibgcc-s1\tlibc6\ndash\tlibc6\n"


@pytest.fixture
def manage(tmp_path: Path):
    def manage(*arguments: str) -> "subprocess.CompletedProcess[str]":
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        environment["SEQUERE_DATABASE_URL"] = f"sqlite:///{tmp_path}/example.sqlite3"
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return manage


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    path = tmp_path / "graph.tsv"
    path.write_text(GRAPH)
    return path


def test_its_site_works(manage) -> None:
    done = manage("test", "tests.example", "--pattern", "unittest_*.py")

    assert done.returncode == 0, done.stderr
    assert "OK" in done.stderr


def test_the_demo_ends_well_as_often_as_it_is_run(manage, graph: Path) -> None:
    first, second = manage("demo", "--graph", str(graph)), manage("demo", "--graph", str(graph))

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    for done in (first, second):
        assert "[<LikeAction: thoas like La classe americaine>, <JoinAction: thoas join>]" in done.stdout
        assert ">>> project\n<Project: libc6>\n" in done.stdout
        assert "follows: 4 checked" not in done.stdout
        assert done.stdout.count("equal to the log") == 4
        assert "make serve" in done.stdout


def test_the_real_graph_is_there() -> None:
    with gzip.open(ROOT / "example_project" / "data" / "debian-depends.tsv.gz", "rt") as lines:
        edges = [line.split("\t") for line in lines]

    assert len(edges) == 272_880
    assert sum(followed.strip() == "libc6" for _, followed in edges) == 21_840


def test_a_graph_is_loaded_once(manage, graph: Path) -> None:
    assert manage("migrate", "-v0").returncode == 0

    first, second = manage("load_graph", str(graph)), manage("load_graph", str(graph))

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "4" in first.stdout
    assert manage("verify_projections").stdout.count("equal to the log") == 2


@pytest.mark.parametrize("text", ["libc6\tbash\nonly one\n", "a\tb\tc\n"])
def test_a_malformed_line_is_named(manage, tmp_path: Path, text: str) -> None:
    assert manage("migrate", "-v0").returncode == 0
    path = tmp_path / "broken.tsv"
    path.write_text(text)

    done = manage("load_graph", str(path))

    assert done.returncode == 1
    assert f"line {len(text.splitlines())}" in done.stderr


def test_a_missing_file_is_named(manage) -> None:
    done = manage("load_graph", "nowhere.tsv")

    assert done.returncode == 1
    assert "nowhere.tsv" in done.stderr
