"""The numbers on the page about the architecture are counted."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sequere.contrib.timeline import Timeline
from sequere.models import follow
from tests.docs.pages import page, sections, table
from tests.factories import UserFactory
from tests.statements import CONTROL
from tests.testapp.sequere_registry import JoinAction

#: The first word of a statement, and the tables that it writes, or else the one that it reads.
Statement = tuple[str, list[str]]


@pytest.mark.inline
@pytest.mark.database
@pytest.mark.django_db
def test_a_follow_sends_the_statements_that_are_listed() -> None:
    statements = sections(page("architecture.md"), 3)
    rows = table(statements["PostgreSQL" if connection.vendor == "postgresql" else "SQLite"])
    listed = [(how.split()[0], name.replace("`", "").split(", ")) for how, name, _ in rows]
    thoas, newbie = UserFactory(username="thoas"), UserFactory(username="newbie")
    Timeline(thoas).save(JoinAction(actor=thoas))
    follow(UserFactory(), UserFactory())  # so that the graph has a number

    with CaptureQueriesContext(connection) as captured:
        follow(newbie, thoas)

    sent = [query["sql"] for query in captured if not query["sql"].startswith(CONTROL)]
    if connection.vendor == "postgresql":  # functions, whose tables nobody sees
        named = re.findall(r"sequere_\w+(?=\()", " ".join(how for how, *_ in rows))
        assert sorted(re.findall(r"sequere_\w+(?=\()", sent.pop(0))) == sorted(named)
        listed = []
    assert merged([(sql.split()[0], tables(sql)) for sql in sent]) == listed


def tables(sql: str) -> list[str]:
    written = re.findall(r'(?:INSERT INTO|DELETE FROM) "?(sequere_\w+)', sql)
    return list(dict.fromkeys(written)) or re.findall(r"sequere_\w+", sql)[:1]


def merged(statements: list[Statement]) -> list[Statement]:
    """Merge the WITHs of a backend, of which SQLite needs several, into one, as on PostgreSQL."""
    one: list[Statement] = []
    for verb, names in statements:
        if one and verb == one[-1][0] == "WITH" and _backend(names) == _backend(one[-1][1]):
            one[-1] = (verb, list(dict.fromkeys([*one[-1][1], *names])))
        else:
            one.append((verb, names))
    return one


def _backend(tables: list[str]) -> str:
    return tables[0].rpartition("_")[0]
