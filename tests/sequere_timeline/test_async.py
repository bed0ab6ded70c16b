"""The same verbs, awaited."""

import pytest
from asgiref.sync import async_to_sync

from sequere.contrib.timeline import Timeline
from sequere.models import follow
from tests.factories import ProjectFactory, UserFactory
from tests.sequere_timeline.dates import october
from tests.testapp.sequere_registry import LikeAction

pytestmark = pytest.mark.django_db


def test_every_verb_can_be_awaited():
    thoas, newbie, project = UserFactory(username="thoas"), UserFactory(username="newbie"), ProjectFactory()
    follow(newbie, thoas)
    action = LikeAction(actor=thoas, target=project, date=october(1))

    async def story():
        timeline, readers = Timeline(thoas), Timeline(newbie)
        yield "save", (await timeline.asave(action)).verb
        yield "private", await readers.aget_private_count(action=LikeAction, target=project)
        yield "public", await timeline.aget_public_count(target="project")
        yield "list", [one async for one in readers.get_private()]
        yield "first", await readers.get_private().afirst()
        yield "count", await readers.get_private().acount()
        yield "unread", await readers.aget_unread_count(action="like")
        yield "mark", (await readers.amark_as_read(october(1))).type
        yield "read at", await readers.aget_read_at()
        yield "read", await readers.aget_unread_count()
        yield "delete", (await timeline.adelete(action)).type
        yield "deleted", await readers.aget_private_count()

    async def told():
        return {step: result async for step, result in story()}

    assert async_to_sync(told)() == {
        "save": "like",
        "private": 1,
        "public": 1,
        "list": [action],
        "first": action,
        "count": 1,
        "unread": 1,
        "mark": "timeline_read",
        "read at": october(1),
        "read": 0,
        "delete": "action_deleted",
        "deleted": 0,
    }
