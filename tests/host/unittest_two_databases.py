"""Instances are in one database, and their follows in another."""

import os
from collections.abc import Callable
from io import StringIO
from unittest.mock import patch

from django.core.management import call_command
from django.db import connections, transaction
from django.test import TransactionTestCase

from sequere.contrib.timeline import Timeline
from sequere.exceptions import LogWouldBeLost
from sequere.log.metadata import event_metadata
from sequere.models import Event, follow, follow_many, get_followers, get_followings, get_friends_count, unfollow
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from tests.factories import ProjectFactory, UserFactory
from tests.testapp.models import User
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

    def test_a_deletion_that_is_rolled_back_leaves_no_trace(self) -> None:
        thoas, newbie, fan = UserFactory.create_batch(3)
        follow_many([(newbie, thoas), (fan, thoas)])

        for ending in (self.roll_back, self.roll_back_to_a_savepoint):
            ending(User.objects.filter(pk__in=[thoas.pk, fan.pk]).delete)

            self.assertEqual([one for one, _ in get_followers(thoas, desc=False)], [newbie, fan])
            self.assertEqual(self.types(), ["followed", "followed"])

    def test_a_deletion_is_recorded_with_its_commit_and_its_metadata(self) -> None:
        thoas, newbie = UserFactory.create_batch(2)
        follow(newbie, thoas)

        with transaction.atomic():
            with event_metadata(reason="GDPR"):
                thoas.delete()
            self.assertEqual(self.types(), ["followed"])

        self.assertEqual(self.types(), ["followed", "unfollowed", "deleted"])
        recorded = Event.objects.using("log").exclude(type="followed")
        self.assertEqual([event.metadata.get("reason") for event in recorded], ["GDPR", "GDPR"])

    def roll_back(self, work: Callable[[], object]) -> None:
        with transaction.atomic():
            work()
            transaction.set_rollback(True)

    def roll_back_to_a_savepoint(self, work: Callable[[], object]) -> None:
        with transaction.atomic():
            self.roll_back(work)

    def types(self) -> list[str]:
        return list(Event.objects.using("log").order_by("pk").values_list("type", flat=True))

    def test_flush_of_the_database_without_the_log_is_that_of_django(self) -> None:
        thoas, newbie = UserFactory.create_batch(2)
        follow(newbie, thoas)

        with patch("builtins.input", return_value="no") as asked:
            call_command("flush", database="default", stdout=StringIO())
        self.assertEqual(User.objects.count(), 2)
        self.assertNotIn("event log", asked.call_args.args[0])
        with patch("builtins.input", return_value="yes"):
            call_command("flush", database="default", stdout=StringIO())

        self.assertEqual((User.objects.count(), Event.objects.using("log").count()), (0, 1))

    def test_the_log_is_not_migrated_away_while_it_has_events(self) -> None:
        def to_zero(**environment: str) -> None:
            with patch.dict(os.environ, environment):
                call_command("migrate", "sequere", "zero", database="log", interactive=False, verbosity=0)

        def has_tables() -> list[bool]:
            names = connections["log"].introspection.table_names()
            return [table in names for table in ("sequere_event", "sequere_database_relation")]

        self.addCleanup(call_command, "migrate", database="log", verbosity=0, skip_checks=True)
        thoas, newbie = UserFactory.create_batch(2)
        follow(newbie, thoas)

        with self.assertRaisesMessage(LogWouldBeLost, "SEQUERE_DESTROY_LOG=yes"):
            to_zero()
        self.assertEqual((self.types(), self.wrong(), has_tables()), (["followed"], [0, 0], [True, True]))
        to_zero(SEQUERE_DESTROY_LOG="yes")

        self.assertEqual(has_tables(), [False, False])

    def wrong(self) -> list[int]:
        return [verify(name).wrong for name in ("follows", "timelines")]
