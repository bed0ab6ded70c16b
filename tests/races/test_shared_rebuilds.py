"""Rebuilds that several processes share, that are killed, and that are resumed, while others write."""

from random import Random

import pytest

from sequere.contrib.timeline import Timeline
from sequere.models import Rebuild, follow, follow_many
from sequere.outbox.drain import drain_all
from sequere.projections.registry import projections
from sequere.replay.progress import progress
from sequere.replay.rebuilding import rebuild
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.races.test_crashes import children
from tests.read_models import empty_read_models
from tests.rounds import rounds
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = pytest.mark.django_db(transaction=True)


def a_site(people: int) -> None:
    thoas, newbie, *others = User.objects.bulk_create(UserFactory.build_batch(people))
    follow_many((other, thoas) for other in others)
    follow_many((thoas, other) for other in others[::2])
    follow(newbie, thoas)
    for actor in (thoas, others[0]):
        Timeline(actor).save(JoinAction(actor=actor))


def test_a_rebuild_that_dies_at_any_step_is_resumed() -> None:
    a_site(20)
    random = Random(0)
    with children() as some:
        for _ in range(rounds(4, 2)):
            empty_read_models()
            some.start("rebuild", random.randrange(1, 150))
            some.last_words()
            in_progress = {one.projection: one.done for one in progress("default") if one.ended_at is None}

            for name in projections():
                report = rebuild(name)
                assert report.checked >= in_progress.get(name, 0)

            assert differences() == []
            assert not Rebuild.objects.filter(ended_at=None).exists()


def test_two_processes_share_a_rebuild_while_others_write_and_one_is_killed() -> None:
    a_site(300)
    with children() as first, children() as second, children() as writers:
        for round_ in range(rounds(1, 1)):
            empty_read_models()
            writers.start("record", round_, 400)  # and no further: what it records is there in all later rounds
            first.start("rebuild")
            second.start("rebuild")

            first.kill_after(2)
            second.last_words()
            writers.last_words()
            drain_all(using="default")

            assert differences() == []


def test_the_command_starts_other_processes() -> None:
    a_site(60)
    empty_read_models()

    with children() as some:
        some.start("command", "rebuild_projections", "--workers", "2")
        said = "".join(some.last_words())

    assert "follows: rebuilt" in said
    assert "timelines: rebuilt" in said
    assert "failed" not in said
    assert differences() == []
