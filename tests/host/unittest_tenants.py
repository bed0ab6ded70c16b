"""Two tenants of one site, in one process: each has its own follows, timelines, workers, and commands."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import StringIO
from typing import Any
from unittest import skipUnless
from unittest.mock import patch

from celery.contrib.testing.worker import start_worker
from django.apps import apps
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.db import connections, router, transaction
from django.test import SimpleTestCase, override_settings

from sequere import conf
from sequere.contrib.timeline import Timeline
from sequere.exceptions import ForeignReadModel, InvalidBackendOption, OtherPrefix
from sequere.log.models import Event
from sequere.models import (
    follow,
    get_followers,
    get_followers_count,
    is_following,
    unfollow,
    wait_for_projections,
)
from sequere.outbox import shards
from sequere.outbox.models import QueuedEvent
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import verify
from sequere.signals import events_queued
from sequere.tasks import sweep
from sequere.tenants import at_tenant, current_tenant
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction
from tests.workers.app import app

NAMES = ("blue", "red")
IN_REDIS = "redis" in conf.backend()
LATER = {"follows": "on_commit", "timelines": "on_commit"}
BY_WORKERS = {"follows": "celery", "timelines": "celery"}


def log() -> str:
    return router.db_for_write(Event)


class TenantsTestCase(SimpleTestCase):
    databases = "__all__"

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        if apps.is_installed("tests.host.schemas"):
            from tests.host.schemas.models import Client

            for name in NAMES:
                if not Client.objects.filter(schema_name=name).exists():
                    Client(schema_name=name).save(verbosity=0)

    def setUp(self) -> None:
        self.people: dict[str, tuple[User, User]] = {}
        for name in NAMES:
            with at_tenant(name):
                ours = [User.objects.create(username=f"{self.id()}{number}") for number in range(2)]
                self.people[name] = (ours[0], ours[1])
        # What one tenant could see of the other has the same keys.
        self.assertEqual(*([one.pk for one in self.people[name]] for name in NAMES))

    @contextmanager
    def at(self, name: str) -> Iterator[tuple[User, User]]:
        with at_tenant(name):
            yield self.people[name]

    def followers(self) -> dict[str, int]:
        found = {}
        for name in NAMES:
            with self.at(name) as (thoas, _):
                found[name] = get_followers_count(thoas)
        return found

    def wrong(self) -> list[int]:
        found = []
        for name in NAMES:
            with at_tenant(name):
                found += [verify(projection, on_difference=print).wrong for projection in ("follows", "timelines")]
        return found

    def test_they_share_no_follow_and_no_timeline(self) -> None:
        with self.at("blue") as (thoas, newbie):
            Timeline(thoas).save(joined := JoinAction(actor=thoas))
            follow(newbie, thoas)
        with self.at("red") as (thoas, newbie):
            self.assertEqual((get_followers_count(thoas), [*get_followers(thoas)]), (0, []))
            self.assertIs(is_following(newbie, thoas), False)
            self.assertEqual((Timeline(thoas).get_public_count(), Timeline(newbie).get_private_count()), (0, 0))
            follow(thoas, newbie)
            self.assertIsNone(unfollow(newbie, thoas))
            self.assertIs(is_following(newbie, thoas), False)
        with self.at("blue") as (thoas, newbie):
            self.assertEqual([one for one, _ in get_followers(thoas)], [newbie])
            self.assertEqual(Timeline(newbie).get_private(), [joined])
            self.assertIs(is_following(thoas, newbie), False)
        self.assertEqual(self.wrong(), [0, 0, 0, 0])

        with self.at("red") as (thoas, newbie):
            for projection in ("follows", "timelines"):
                rebuild(projection)
            thoas.delete()
            self.assertEqual(get_followers_count(newbie), 0)
        with self.at("blue") as (thoas, newbie):
            self.assertEqual([one for one, _ in get_followers(thoas)], [newbie])
        self.assertEqual(self.wrong(), [0, 0, 0, 0])

    @override_settings(SEQUERE_PROJECTION_MODES=LATER)
    def test_what_waits_for_a_commit_is_applied_for_the_tenant_that_recorded_it(self) -> None:
        with self.at("blue") as (thoas, newbie):
            alias = log()
        with transaction.atomic(using=alias):
            with self.at("blue") as (thoas, newbie):
                follow(newbie, thoas)
            self.assertEqual(self.followers(), {"blue": 0, "red": 0})

        self.assertEqual(self.followers(), {"blue": 1, "red": 0})

    @override_settings(SEQUERE_PROJECTION_MODES=BY_WORKERS)
    def test_workers_apply_to_each_what_is_its_own(self) -> None:
        """Ids, which both have alike, are waited for apart."""
        for name in NAMES:
            with self.at(name) as (thoas, newbie):
                follow(newbie, thoas)
                Timeline(thoas).save(JoinAction(actor=thoas))
        with self.at("red") as (thoas, newbie):
            unfollow(newbie, thoas)

        with start_worker(app, perform_ping_check=False, shutdown_timeout=60, queues=[*conf.celery_queues().values()]):
            for name in NAMES:
                with at_tenant(name):
                    wait_for_projections(timeout=60)
        self.assertEqual(self.followers(), {"blue": 1, "red": 0})
        self.assertEqual(self.wrong(), [0, 0, 0, 0])

    @override_settings(SEQUERE_PROJECTION_MODES=BY_WORKERS)
    def test_the_sweep_finds_what_waits_for_any_of_them(self) -> None:
        told: list[Any] = []

        def tell(**_: Any) -> None:
            told.append(current_tenant())

        for name in NAMES:
            with self.at(name) as (thoas, newbie):
                follow(newbie, thoas)
        events_queued.connect(tell)
        try:
            with patch.object(shards, "OVERDUE", timedelta(0)):
                sweep()
        finally:
            events_queued.disconnect(tell)

        self.assertEqual({*told}, {*NAMES})
        call_command("run_projections", once=True, stdout=StringIO())

    @override_settings(SEQUERE_PROJECTION_MODES=BY_WORKERS)
    def test_commands_work_for_the_tenant_that_is_named(self) -> None:
        for name in NAMES:
            with self.at(name) as (thoas, newbie):
                follow(newbie, thoas)

        self.assertIn("1 events applied", self.output("run_projections", once=True, tenant="blue"))
        self.assertEqual(self.followers(), {"blue": 1, "red": 0})
        self.assertRegex(self.output("run_projections", once=True), r"blue: 0 events applied\nred: 1 events applied")
        self.assertEqual(self.followers(), {"blue": 1, "red": 1})
        self.assertIn("follows: rebuilt", self.output("rebuild_projections", tenant="red"))
        for arguments, reason in (({"tenant": "green"}, "There is no tenant"), ({}, "Name a tenant")):
            with self.assertRaisesMessage(CommandError, reason) as raised:
                call_command("show_projections", **arguments)
            self.assertEqual(raised.exception.returncode, 2)

    def output(self, name: str, **options: Any) -> str:
        out = StringIO()
        call_command(name, stdout=out, **options)
        return out.getvalue()

    @skipUnless(IN_REDIS, "of the prefix in Redis")
    def test_a_prefix_for_both_is_refused(self) -> None:
        with self.at("blue"):
            mine = conf.backend_options()["prefix"]()
        options = {**conf.backend_options(), "prefix": mine}
        with self.at("blue") as (thoas, newbie):
            follow(newbie, thoas)

        with override_settings(SEQUERE_BACKEND_OPTIONS=options):
            with self.at("red") as (thoas, newbie):
                follow(newbie, thoas)
                with self.assertRaisesMessage(ForeignReadModel, "another log under the prefix 'sequere:blue:'"):
                    get_followers_count(thoas)
                with self.assertRaisesMessage(InvalidBackendOption, "for the tenants blue as well"):
                    rebuild("follows")
            with self.at("blue") as (thoas, newbie):
                self.assertEqual([one for one, _ in get_followers(thoas)], [newbie])
            found = {str(one.id): str(one.msg) for one in run_checks(databases=[*connections])}
            self.assertIn("The tenants blue, red have", found["sequere.E023"])
            self.assertIn("'follows' of the tenant red is that of another log", found["sequere.E024"])

        with at_tenant("red"):
            self.assertEqual(QueuedEvent.objects.count(), 1)
        call_command("run_projections", once=True, stdout=StringIO())
        self.assertEqual(self.followers(), {"blue": 1, "red": 1})
        self.assertEqual(self.wrong(), [0, 0, 0, 0])

    @skipUnless(IN_REDIS, "of the prefix in Redis")
    def test_a_list_is_read_where_it_was_asked_for(self) -> None:
        with self.at("blue") as (thoas, newbie):
            follow(newbie, thoas)
            followers, timeline = get_followers(thoas), Timeline(thoas).get_private()

        with self.at("red"):
            for look in (followers, timeline):
                with self.assertRaisesMessage(OtherPrefix, "goes on where the prefix is 'sequere:red:"):
                    list(look)

    def test_the_checks_pass_for_each_and_for_all(self) -> None:
        self.assertEqual([*run_checks(databases=[*connections])], [])
        for name in NAMES:
            with at_tenant(name):
                self.assertEqual([*run_checks(databases=[log()])], [])
