"""Where mutants meet tests: `python -m tests.mutants.serving READ WRITE [pytest's arguments]`, with two open files.

All tests are collected and the test database is created once. Then each request is met in a process that is forked
from here, with a database that is copied from that one: the functions that a mistake is in get the code with the
mistake, in every module that has imported them. So a mutant costs what its tests cost. If the mistake is not in a
function, or in one that has done its work when its module was imported, a process that begins anew meets it.
"""

import functools
import gc
import inspect
import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Iterable, Iterator
from types import CodeType, FunctionType
from typing import Any, TextIO

import pytest

from tests.mutants.mutating import ROOT

#: What becomes of a mutant: the first may be followed by the name of a test. `ANEW`: this process cannot say.
NOTICED, SURVIVES, ANEW = "noticed", "survives", "anew"
#: Of a code object, what runs; where it stands in its file may differ.
PARTS = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags", "co_exceptiontable")


class Server:
    """Runs instead of pytest's loop over the tests."""

    def __init__(self, requests: Iterable[str], answers: TextIO) -> None:
        self._requests = requests
        self._answers = answers

    @pytest.hookimpl
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        from django.db import connection

        by_id = {item.nodeid: item for item in session.items}
        first = next(item for item in session.items if "db" in getattr(item, "fixturenames", ()))
        self._run(first, session.items[-1])  # creates the database; what belongs to all tests stays
        if session.testsfailed:
            return True
        connection.close()
        functions = list(_functions())
        caches = [one for one in gc.get_objects() if _is_cache(one)]
        self._answer("ready")
        for request in map(json.loads, self._requests):
            path = str(ROOT / request["path"])
            changes = _changes(request["right"], request["wrong"], path)
            here = [one for one in functions if one.__code__.co_filename == path]
            found = [(one, new) for one in here for old, new in changes if one.__code__ == old]
            items = [item for test in request["tests"] for item in _items(test, by_id)]
            if not found or any(len(one.__closure__ or ()) != len(new.co_freevars) for one, new in found):
                self._answer(ANEW)
                continue
            database = _copied()
            if not (pid := os.fork()):
                self._meet(found, caches, database, items, first, request["seconds"])
            if os.waitpid(pid, 0)[1]:
                self._answer(NOTICED)
        return True

    def _meet(
        self, found: Any, caches: Any, database: str, items: list[pytest.Item], first: pytest.Item, seconds: float
    ) -> None:
        """In a process of its own, which ends with 0 if it has answered."""
        from django.db import connection

        status = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (int(10 + 5 * seconds),) * 2)
            signal.alarm(int(60 + 20 * seconds))  # if it waits for ever; the machine may have other work, too
            connection.settings_dict["NAME"] = database
            for cache in caches:
                cache.cache_clear()
            for one, new in found:
                one.__code__ = new
            first.session._setupstate.teardown_exact(items[0])  # what only the tests around the first one need
            for item, following in zip(items, [*items[1:], first], strict=True):
                self._run(item, following)
                if item.session.testsfailed:
                    self._answer(f"{NOTICED} {item.nodeid}")
                    break
            else:
                self._answer(SURVIVES)
            status = 0
        finally:
            os._exit(status)

    def _run(self, item: pytest.Item, following: pytest.Item) -> None:
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def _answer(self, text: str) -> None:
        print(text, file=self._answers, flush=True)


def _items(test: str, by_id: dict[str, pytest.Item]) -> Iterator[pytest.Item]:
    """A test, or those of a file."""
    if test in by_id:
        yield by_id[test]
    else:
        yield from (item for name, item in by_id.items() if name.startswith(f"{test}::"))


def _copied() -> str:
    """A database like that in which no test has been."""
    from django.db import connection

    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        copy = f"{name}.copy"
        shutil.copyfile(name, copy)
    else:
        copy = f"{name}_copy"
        # pytest-django would block a connection of Django.
        parameters = {**connection.get_connection_params(), "dbname": "postgres"}
        with connection.Database.connect(**parameters, autocommit=True) as operator:
            operator.execute(f"DROP DATABASE IF EXISTS {copy} WITH (FORCE)")
            operator.execute(f"CREATE DATABASE {copy} TEMPLATE {name}")
    return copy


def _functions() -> Iterator[FunctionType]:
    """The functions of the checkout, methods and closures included."""
    ours = str(ROOT / "sequere")
    for one in gc.get_objects():
        # Not isinstance(): it would make a lazy object look for its class.
        if type(one) is FunctionType and one.__code__.co_filename.startswith(ours):
            yield one


def _is_cache(one: object) -> bool:
    module = getattr(one, "__module__", None) if type(one) is functools._lru_cache_wrapper else None
    return bool(module and module.partition(".")[0] in {"sequere", "sequere_timeline"})


def _changes(right: str, wrong: str, path: str) -> list[tuple[CodeType, CodeType]]:
    """The code of the functions in which two texts of a module differ; none if they differ elsewhere, too."""
    old, new = (compile(text, path, "exec", dont_inherit=True) for text in (right, wrong))
    try:
        return list(_differences(old, new))
    except ValueError:
        return []


def _differences(old: CodeType, new: CodeType, *, is_in_function: bool = False) -> Iterator[tuple[CodeType, CodeType]]:
    """Raises ValueError for code that is not in a function."""
    is_in_function = is_in_function or bool(old.co_flags & inspect.CO_NEWLOCALS)
    (own, within), (new_own, new_within) = _split(old), _split(new)
    is_same = own == new_own and len(within) == len(new_within)
    inner = [
        pair
        for one, other in zip(within, new_within, strict=False)
        for pair in _differences(one, other, is_in_function=is_in_function)
    ]
    if not is_same and not is_in_function:
        raise ValueError
    if is_in_function and not (is_same and not inner):
        yield old, new
    yield from inner


def _split(code: CodeType) -> tuple[list[object], list[CodeType]]:
    """What a code object does itself, and the code within it."""
    within = [one for one in code.co_consts if isinstance(one, CodeType)]
    return [
        *(getattr(code, part) for part in PARTS),
        *(repr(one) for one in code.co_consts if one not in within),
    ], within


def main() -> int:
    read, write, *arguments = sys.argv[1:]
    with os.fdopen(int(read)) as requests, os.fdopen(int(write), "w") as answers:
        return int(pytest.main(["-q", "-p", "no:randomly", *arguments], plugins=[Server(requests, answers)]))


if __name__ == "__main__":
    sys.exit(main())
