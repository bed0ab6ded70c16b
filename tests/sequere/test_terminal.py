"""What long commands and tables look like: on a terminal with rich, without it, and in a file."""

import re
import sys
from io import StringIO
from typing import NoReturn

import pytest
from django.core.management.base import BaseCommand

from sequere.management import progress_bar
from sequere.management.pace import pace_text
from sequere.management.progress_bar import ProgressBar
from sequere.management.tables import write_table

SHOW_CURSOR, ERASE_LINE = "\x1b[?25h", "\x1b[2K"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """A terminal of 60 columns."""
    for name, value in {"TERM": "xterm-256color", "COLUMNS": "60", "LINES": "25"}.items():
        monkeypatch.setenv(name, value)
    return Terminal()


@pytest.fixture
def without_rich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rich.console", None)


@pytest.fixture
def all_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_bar, "SECONDS_PER_LINE", 0.0)


def command(out: StringIO) -> BaseCommand:
    return BaseCommand(stdout=out)


def work(bar: ProgressBar) -> None:
    bar("follows", 1000, 4000)
    bar("follows", 3000, 4000)
    bar.note("one differs [really]")
    bar("follows", 4000, 4000)


def test_a_terminal_shows_a_bar_with_its_pace_and_takes_it_away(terminal: Terminal) -> None:
    with ProgressBar(command(terminal)) as bar:
        work(bar)

    shown = terminal.getvalue()
    assert re.search(r"follows.*━.*3,000 of 4,000.*[\d,]+/s, \d+ s left", shown)
    assert "  one differs [really]\n" in shown
    assert shown.rindex(ERASE_LINE) > shown.rindex("4,000 of 4,000")


def test_the_terminal_is_given_back_when_the_work_fails(terminal: Terminal) -> None:
    def fail() -> NoReturn:
        with ProgressBar(command(terminal)) as bar:
            work(bar)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()

    assert terminal.getvalue().count(SHOW_CURSOR) == 1


@pytest.mark.usefixtures("all_lines")
def test_a_file_gets_lines() -> None:
    out = StringIO()

    with ProgressBar(command(out)) as bar:
        work(bar)

    lines = [re.sub(r"[\d,]+/s", "N/s", line) for line in out.getvalue().splitlines()]
    assert [line.removesuffix(", N/s, 0 s left") for line in lines] == [
        "follows: 1,000 of 4,000",
        "follows: 3,000 of 4,000",
        "  one differs [really]",
        "follows: 4,000 of 4,000",
    ]


def test_a_file_has_few_lines() -> None:
    out = StringIO()

    with ProgressBar(command(out)) as bar:
        work(bar)

    assert out.getvalue() == "  one differs [really]\n"


@pytest.mark.usefixtures("without_rich", "all_lines")
def test_without_rich_a_terminal_is_like_a_file(terminal: Terminal) -> None:
    with ProgressBar(command(terminal)) as bar:
        work(bar)

    write_table(command(terminal), ["name"], [["follows"]])

    assert "\x1b" not in terminal.getvalue()
    assert "follows: 4,000 of 4,000" in terminal.getvalue()
    assert terminal.getvalue().endswith("name\nfollows\n")


def test_a_table_is_in_columns_in_a_file_and_as_wide_as_a_terminal(terminal: Terminal) -> None:
    out, rows = StringIO(), [["follows", "inline"], ["timelines", "The read model is lost [1]: " + "why " * 20]]

    for where in (out, terminal):
        write_table(command(where), ["name", "error"], rows)

    assert out.getvalue().splitlines()[:2] == ["name       error", "follows    inline"]
    lines = re.sub(r"\x1b\[[\d;]*m", "", terminal.getvalue()).splitlines()
    assert max(map(len, lines)) <= 60
    assert "lost [1]" in terminal.getvalue()


@pytest.mark.parametrize(
    ("rate", "remaining", "text"),
    [
        (None, None, ""),
        (3441.2, None, "3,441/s"),
        (3441.2, 59.4, "3,441/s, 59 s left"),
        (3441.2, 59.6, "3,441/s, 1 min 0 s left"),
        (12.0, 4000.0, "12/s, 1 h 6 min left"),
    ],
)
def test_a_pace_reads_well(rate: float | None, remaining: float | None, text: str) -> None:
    assert pace_text(rate, remaining) == text
