"""The page that compares names what there is, and the tests that show it."""

import ast
import re
from collections import defaultdict
from itertools import chain
from pathlib import Path

from sequere import conf, models, querysets, signals
from sequere.contrib import timeline
from sequere.mixin import SequereMixin
from tests.docs.pages import ROOT, page, table

#: A table from its head on.
TABLE = re.compile(r"^\| [^\n]+ \| Here \|[^\n]*\n(?:\|[^\n]*\n)+", re.MULTILINE)
TABLES = {found.partition(" |")[0].strip("| "): found for found in TABLE.findall(page("comparison.md"))}
CALL = re.compile(r"(?<![\w.])(?:user\.|project\.)?(\w+)\(")
#: Not functions of ours: classes, and methods of a host.
OTHERS = {"requires_approval", "get_queryset", "filter", "get_public", "get_private", "save", "LikeAction", "Timeline"}

#: All that Amico has (lib/amico/relationships.rb, configuration.rb).
LISTS = ("following", "followers", "reciprocated", "blocked", "blocked_by", "pending", "pending_with")
METHODS = {
    *("follow", "unfollow", "block", "unblock", "accept", "deny", "clear", "all", "count", "page_count"),
    *("following?", "follower?", "reciprocated?", "blocked?", "blocked_by?", "pending?", "pending_with?"),
    *(f"{name}{what}" for name in LISTS for what in ("", "_count", "_page_count")),
}
SETTINGS = {
    *("redis", "namespace", "pending_follow", "page_size", "default_scope_key"),
    *(f"{name}_key" for name in LISTS),
}


def test_every_call_in_a_column_of_ours_exists() -> None:
    calls = {name for rows in TABLES.values() for row in table(rows) for name in calls_in(row[1])}

    known = {*dir(models), *dir(SequereMixin), *dir(signals), *dir(conf), *dir(timeline), *dir(querysets)}
    assert len(calls) > 35
    assert calls - known - OTHERS - {"register"} == set()


def test_everything_of_amico_is_there() -> None:
    named = {what: " ".join(row[0] for row in table(TABLES[what])) for what in ("Amico", "A setting of Amico")}

    assert (len(METHODS), len(SETTINGS)) == (38, 12)
    assert set(re.findall(r"`([\w?]+)\(", named["Amico"])) == METHODS
    assert set(re.findall(r"`(\w+)`", named["A setting of Amico"])) == SETTINGS


def test_every_row_has_tests_that_call_what_it_names_or_says_why_not() -> None:
    tests: dict[str, str] = defaultdict(str)
    for name, text in chain.from_iterable(map(texts_of_tests, SOURCES)):
        tests[name] += text
    rows = [row for rows in TABLES.values() for row in table(rows) if len(row) > 2]

    shown = {row[0]: re.findall(r"`(test_\w+)`", row[2]) for row in rows}
    silent = [row[0] for row in rows if not shown[row[0]] and not (row[1] == "nothing" and row[2].endswith("."))]
    unknown = {name for names in shown.values() for name in names if name not in tests}
    untold = {
        (row[0], call)
        for row in rows
        for call in calls_in(row[1]) - OTHERS
        if not any(re.search(rf"\b{call}\b", tests.get(name, "")) for name in shown[row[0]])
    }

    assert len(rows) > 50
    assert (silent, unknown, untold) == ([], set(), set())


#: The tests, and the contracts that every backend passes.
SOURCES = [path for name in ("tests", "sequere", "sequere_timeline") for path in sorted((ROOT / name).rglob("*.py"))]


def texts_of_tests(path: Path) -> list[tuple[str, str]]:
    """The tests of a module, each with its text, and that of its decorators."""
    text = path.read_text()
    if "def test_" not in text:
        return []
    lines = text.splitlines()
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
    return [
        (
            one.name,
            "\n".join(lines[min([one.lineno, *(each.lineno for each in one.decorator_list)]) - 1 : one.end_lineno]),
        )
        for one in functions
        if one.name.startswith("test_")
    ]


def calls_in(cell: str) -> set[str]:
    return {name for code in re.findall(r"`([^`]+)`", cell) for name in CALL.findall(code)}
