"""Tries entries with many inputs, and counts the exceptions that are nobody's: neither ours, nor Django's, nor a
TypeError or ValueError for an argument of a wrong type."""

import contextlib
import io
import traceback
from collections import Counter
from dataclasses import dataclass, field

from django.core import exceptions as django
from django.core.management import CommandError
from django.db import transaction
from django.http import Http404
from django.template import TemplateSyntaxError
from hypothesis import HealthCheck, Phase, given, settings

from sequere.exceptions import SequereException, shown
from sequere.testing import drain
from sequere_timeline import Timeline
from tests.factories import ProjectFactory, UserFactory
from tests.testapp.sequere_registry import LikeAction
from tests.wild.applying import applied
from tests.wild.entries import Entry, Site

_DJANGO = tuple(one for one in vars(django).values() if isinstance(one, type) and issubclass(one, Exception))
OURS = (SequereException, *_DJANGO, Http404, CommandError, SystemExit, TemplateSyntaxError, TypeError, ValueError)


@dataclass(slots=True)
class Result:
    """How many inputs were tried, and the foreign exceptions, by their entry, with an example of each."""

    tried: int = 0
    answered: int = 0
    foreign: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)


def site() -> Site:
    thoas, newbie = UserFactory(username="thoas", is_staff=True, is_superuser=True), UserFactory(username="newbie")
    project = ProjectFactory(name="La classe americaine")
    for one, other in [(thoas, newbie), (newbie, thoas), (thoas, project)]:
        one.follow(other)
    action = LikeAction(actor=thoas, target=project)
    Timeline(thoas).save(action)
    drain()
    return Site([thoas, newbie], project, action)


def try_all(entries: list[Entry], inputs: int) -> Result:
    """Give each entry its share of the inputs. Nothing of it is committed."""
    result = Result()
    each = settings(
        max_examples=max(inputs // len(entries), 1),
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for entry in entries:

        @each
        @given(entry.arguments)
        def try_one(arguments: object) -> None:
            _try(entry, arguments, result)  # noqa: B023  # it is called before the next one is made

        try_one()
    return result


def _try(entry: Entry, arguments: object, result: Result) -> None:
    result.tried += 1
    try:
        with transaction.atomic(), contextlib.redirect_stderr(io.StringIO()):
            try:
                with applied():
                    entry.call(arguments)
                result.answered += 1
            finally:
                transaction.set_rollback(True)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        if isinstance(error, OURS) and not (isinstance(error, UnicodeError) or entry.is_open):
            return
        frames = [one for one in traceback.extract_tb(error.__traceback__) if "/sequere" in one.filename]
        where = f"{frames[-1].filename.rpartition('/sequere')[2]}:{frames[-1].lineno}" if frames else "outside"
        fault = f"{entry.name}: {type(error).__name__} at {where}"
        result.foreign[fault] += 1
        result.examples.setdefault(fault, f"{shown(error)[:200]!r} for {shown(arguments, ascii)[:300]}")
