"""What the page on the architecture counts is counted again."""

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


@pytest.mark.django_db
def test_a_follow_sends_the_statements_that_are_listed() -> None:
    rows = table(sections(page("architecture.md"), 2)["Statements"])
    listed = [
        (verb, name.strip("`")) for verb, name, why in rows if connection.vendor != "sqlite" or "SQLite" not in why
    ]
    thoas, newbie = UserFactory(username="thoas"), UserFactory(username="newbie")
    Timeline(thoas).save(JoinAction(actor=thoas))

    with CaptureQueriesContext(connection) as captured:
        follow(newbie, thoas)

    sent = [query["sql"].strip() for query in captured if not query["sql"].startswith(CONTROL)]
    assert [(sql.split()[0], re.findall(r"sequere_\w+", sql)[0]) for sql in sent] == listed
