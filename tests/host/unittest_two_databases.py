"""Instances are in one database, and their follows in another."""

from django.db import connections
from django.test import TransactionTestCase

from sequere.contrib.timeline import Timeline
from sequere.models import Event, follow, follow_many, get_followers, get_followings, get_friends_count, unfollow
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from tests.factories import ProjectFactory, UserFactory
from tests.testapp.sequere_registry import JoinAction, LikeAction


class TwoDatabasesTestCase(TransactionTestCase):
    databases = {"default", "log"}

    def test_each_table_is_in_one_of_them(self) -> None:
        tables = {
            alias: {name.split("_")[0] for name in connections[alias].introspection.table_names()}
            for alias in ("default", "log")
        }

        self.assertNotIn("sequere", tables["default"])
        self.assertNotIn("testapp", tables["log"])

    def test_the_story_of_the_documentation(self) -> None:
        """Every query uses the database that it should."""
        thoas, newbie, fan = UserFactory.create_batch(3)
        project = ProjectFactory()
        Timeline(thoas).save(joined := JoinAction(actor=thoas))
        follow_many([(newbie, thoas), (thoas, newbie), (fan, thoas)])
        unfollow(fan, thoas)
        follow(thoas, project)
        Timeline(thoas).save(liked := LikeAction(actor=thoas, target=project))
        Timeline(newbie).mark_as_read(0)

        self.assertEqual([one for one, _ in get_followers(thoas)], [newbie])
        self.assertEqual([one for one, _ in get_followings(thoas).page(1)], [project])
        self.assertEqual(get_friends_count(thoas), 1)
        self.assertEqual(Timeline(newbie).get_private(), [liked, joined])
        self.assertEqual(Timeline(newbie).get_unread_count(), 2)
        self.assertEqual(self.wrong(), [0, 0])
        self.assertEqual([rebuild(name).wrong for name in ("follows", "timelines")], [0, 0])

        project.delete()
        thoas.delete()

        self.assertEqual((list(get_followers(newbie)), list(Timeline(newbie).get_private())), ([], []))
        self.assertEqual(Event.objects.using("log").filter(type="deleted").count(), 2)
        self.assertEqual(self.wrong(), [0, 0])

    def wrong(self) -> list[int]:
        return [verify(name).wrong for name in ("follows", "timelines")]
