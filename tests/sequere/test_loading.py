"""Instances by their primary keys: what a queryset asks for beyond them counts, too."""

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from sequere.sql.loading import having
from tests.factories import ProjectFactory
from tests.testapp.models import Project

pytestmark = pytest.mark.django_db

Narrowed: TypeAlias = Callable[[models.QuerySet[Any]], models.QuerySet[Any]]


@pytest.mark.parametrize(
    "narrowed",
    [
        lambda projects: projects,
        lambda projects: projects.filter(name__gt="a"),
        lambda projects: projects.none(),
        lambda projects: projects.only("pk"),
        lambda projects: projects.annotate(length=models.functions.Length("name")),
        lambda projects: projects.extra(select={"one": "1"}),
        lambda projects: projects.union(projects) and projects.values("name"),
    ],
)
def test_the_same_as_by_the_queryset(narrowed: Narrowed) -> None:
    pks = [ProjectFactory(name=name).pk for name in "abc"]
    queryset = narrowed(Project.objects.all())
    found, expected = having(queryset, pks[:2]), queryset.filter(pk__in=pks[:2])
    assert sorted(map(_described, found)) == sorted(map(_described, expected))


def _described(one: Any) -> str:
    return str(one if isinstance(one, dict) else {name: value for name, value in vars(one).items() if name != "_state"})


def test_the_statement_is_not_put_together_again() -> None:
    pks = [ProjectFactory().pk for _ in range(3)]
    list(having(Project.objects.all(), pks))
    with CaptureQueriesContext(connection) as queries:
        found = having(Project.objects.all(), pks)
    assert isinstance(found, list), "a queryset was asked"
    assert [len(queries), *(one._state.db for one in found)] == [1, *["default"] * 3]
