"""Trouble ends a command with a sentence and exit status 1."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, OperationalError, connection

from tests.commands import run

REFUSED = OperationalError("connection refused\n")


@contextmanager
def database_that_says(error: Exception) -> Iterator[None]:
    def refuse(*_: Any) -> None:
        raise error

    with connection.execute_wrapper(refuse):
        yield


@pytest.mark.django_db
@pytest.mark.parametrize("error", [REFUSED, InternalError("cannot execute INSERT in a read-only transaction")])
@pytest.mark.parametrize(
    "command",
    [
        ["show_projections"],
        ["verify_projections"],
        ["rebuild_projections"],
        ["run_projections", "--once"],
        ["retry_events", "--all"],
        ["skip_events", "1"],
        ["import_follows", "django-sequere"],
    ],
    ids=" ".join,
)
def test_an_unusable_database_is_reported_in_a_sentence(command: list[str], error: Exception) -> None:
    with database_that_says(error), pytest.raises(CommandError) as raised:
        run(*command)

    assert str(raised.value) == f"The database cannot be used: {str(error).strip()}"


@pytest.mark.django_db
@pytest.mark.parametrize("command", ["retry_events", "skip_events"])
def test_an_unknown_projection_is_reported(command: str) -> None:
    with pytest.raises(CommandError, match="There is no projection 'followers': use one of follows, timelines"):
        run(command, "--all", "--projection", "followers")


@pytest.mark.parametrize("pause", ["0", "-1", "nan", "inf", "soon"])
def test_the_pause_is_a_positive_number_of_seconds(pause: str) -> None:
    with pytest.raises(CommandError, match="give a number of seconds above 0"):
        run("run_projections", "--interval", pause)


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restored afterwards: the command installs its own."""
    signals = (signal.SIGTERM, signal.SIGINT)
    before = [signal.getsignal(number) for number in signals]
    yield
    for number, handler in zip(signals, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_outage_and_its_end_are_reported_once_and_a_signal_is_not_an_error(
    handlers: None, number: signal.Signals
) -> None:
    errors, answers = StringIO(), iter([REFUSED] * 5)

    def refuse_at_first(execute: Any, *call: Any) -> Any:
        if error := next(answers, None):
            raise error
        if "again" in errors.getvalue():
            os.kill(os.getpid(), number)
        return execute(*call)

    with connection.execute_wrapper(refuse_at_first), pytest.raises(SystemExit) as ended:
        call_command("run_projections", interval=0.001, stderr=errors)

    assert ended.value.code == 0
    assert errors.getvalue().splitlines() == [
        "OperationalError: connection refused",
        "The outbox can be drained again.",
    ]
