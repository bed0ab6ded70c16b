"""The Lua scripts as files: they compile, say what they do, and are used."""

import re
from typing import Any

import pytest

from sequere.backends.redis import scripts as of_follows
from sequere.redis import connection, fencing, layout, servers
from sequere.redis.scripts import Script, load
from sequere_timeline.backends.redis import scripts as of_timelines
from tests.redis.lua import FILES, FRAGMENTS, SCRIPTS, LuaFile

#: The parts of the header of a script, in their order.
PARTS = ("KEYS", "ARGV", "Answer", "Cost", "Undeclared")


def header(file: LuaFile) -> str:
    match = re.match(r"(--.*\n)+", file.source)
    return match[0] if match else ""


@pytest.mark.parametrize("file", FILES, ids=str)
def test_the_server_compiles_it(client: Any, file: LuaFile) -> None:
    assert client.script_load(file.text) == load(file.package, file.name).sha


@pytest.mark.parametrize("file", SCRIPTS, ids=str)
def test_a_script_begins_with_what_it_does_and_takes_and_answers_and_costs(file: LuaFile) -> None:
    assert header(file).startswith("-- ")
    assert re.findall(rf"^-- ({'|'.join(PARTS)}): ", header(file), re.MULTILINE) == [*PARTS]
    assert all(len(line) <= 120 for line in file.source.splitlines())


@pytest.mark.parametrize("file", FRAGMENTS, ids=str)
def test_a_fragment_begins_with_what_it_defines(file: LuaFile) -> None:
    assert "-- Defines: " in header(file)


def test_each_script_has_a_name_in_python() -> None:
    named = {
        value.sha
        for of in (connection, fencing, layout, servers, of_follows, of_timelines)
        for value in vars(of).values()
        if type(value) is Script
    }

    assert named == {load(file.package, file.name).sha for file in SCRIPTS}


def test_each_fragment_is_included() -> None:
    included = {name for file in FILES for name in re.findall(r"^-- include (\w+)$", file.source, re.MULTILINE)}

    assert included == {file.name.removeprefix("_") for file in FRAGMENTS}


def test_a_fragment_is_included_once_and_may_be_that_of_another_package() -> None:
    text = of_timelines.PLACE_ENTRY.text

    assert "-- include" not in text
    assert [text.count(f"local function {name}(") for name in ("stale", "is_overtaken", "cut")] == [1, 1, 1]


def test_a_script_refuses_with_the_word_that_python_knows() -> None:
    assert f"redis.error_reply('{fencing.STALE} ' .. " in load("sequere.redis", "_stale").text
