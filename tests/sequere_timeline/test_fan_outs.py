"""An action of an actor with many followers reaches them step by step, and newer events are applied between steps."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from sequere.backends.database import backend as follows_in_database
from sequere.backends.redis import followers as follows_in_redis
from sequere.contrib.timeline import Timeline
from sequere.models import QueuedEvent, follow, follow_many, unfollow
from sequere.outbox.drain import drain, drain_all
from sequere.outbox.parked import skip
from sequere.outbox.queues import fan_out_queue_of
from sequere.replay.rebuilding import rebuild
from sequere.replay.verifying import preview
from sequere_timeline import projector
from sequere_timeline.backends.base import get_backend
from sequere_timeline.backends.database import entries
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.read_models import undone
from tests.rounds import TIMES
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = [pytest.mark.django_db, pytest.mark.sequere_queued]


@pytest.fixture(autouse=True)
def later_and_two_at_a_time(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": "on_commit", "timelines": "on_commit"}
    monkeypatch.setitem(projector.SECONDS_AT_ONCE, "on_commit", 0)
    monkeypatch.setattr(entries, "FOLLOWERS_PER_STATEMENT", 2)
    monkeypatch.setattr(follows_in_database, "FOLLOWERS_PER_PAGE", 2)
    monkeypatch.setattr(follows_in_redis, "FOLLOWER_NAMES_PER_PAGE", 2)


@pytest.fixture
def fans(thoas: User) -> list[User]:
    """Seven followers of thoas, in this order, who have read their timelines."""
    fans = UserFactory.create_batch(7)
    follow_many((fan, thoas, moment) for moment, fan in enumerate(fans))
    drain_all(using="default")
    look(fans)
    return fans


def look(readers: list[User]) -> list[int]:
    return [Timeline(reader).get_private_count() for reader in readers]


def publish(actor: User) -> JoinAction:
    action = JoinAction(actor=actor)
    Timeline(actor).save(action)
    return action


def published(actor: User) -> JoinAction:
    """An action that has reached all followers."""
    action = publish(actor)
    drain_all(using="default")
    return action


def delete(action: JoinAction) -> None:
    Timeline(action.actor).delete(action)


def begin() -> None:
    """Apply the recorded events; a fan-out waits after its first two followers."""
    drain("built-in", using="default")


def step() -> None:
    drain(fan_out_queue_of("timelines"), using="default", seconds=0)


def reached() -> list[int]:
    return list(
        QueuedEvent.objects.filter(queue=fan_out_queue_of("timelines"))
        .order_by("event_id")
        .values_list("reached", flat=True)
    )


def test_the_first_followers_are_reached_at_once_and_the_others_step_by_step(thoas: User, fans: list[User]) -> None:
    publish(thoas)

    begin()
    seen = [(reached(), look(fans))]
    for _ in range(3):
        step()
        seen.append((reached(), look(fans)))

    assert seen == [
        ([2], [1, 1, 0, 0, 0, 0, 0]),
        ([4], [1, 1, 1, 1, 0, 0, 0]),
        ([6], [1, 1, 1, 1, 1, 1, 0]),
        ([], [1, 1, 1, 1, 1, 1, 1]),
    ]
    assert differences() == []


def test_an_actor_with_few_followers_needs_no_fan_out(newbie: User, thoas: User) -> None:
    follow(newbie, thoas)
    publish(thoas)

    begin()

    assert reached() == []
    assert look([newbie]) == [1]


def test_a_transaction_reaches_no_more_for_many_actions_than_for_one(thoas: User, fans: list[User]) -> None:
    for _ in range(3):
        publish(thoas)

    begin()

    assert reached() == [2, 0, 0]
    assert drain_all(using="default") == 3
    assert look(fans) == [3] * 7


def test_the_fan_out_that_has_reached_the_fewest_is_next(thoas: User, fans: list[User]) -> None:
    """A long fan-out delays no other in the same shard."""
    for _ in range(2):
        publish(thoas)
    begin()

    steps = [reached()]
    for _ in range(4):
        step()
        steps.append(reached())

    assert steps == [[2, 0], [2, 2], [4, 2], [4, 4], [6, 4]]


def test_a_follower_who_unfollows_meanwhile_is_no_longer_reached(thoas: User, fans: list[User]) -> None:
    publish(thoas)
    begin()

    unfollow(fans[0], thoas)
    unfollow(fans[5], thoas)
    drain_all(using="default")

    assert look(fans) == [0, 1, 1, 1, 1, 0, 1]
    assert differences() == []


def test_a_fan_out_resumes_although_the_follower_reached_last_has_left(thoas: User, fans: list[User]) -> None:
    """No follower is skipped or reached twice while followers change."""
    publish(thoas)
    begin()

    unfollow(fans[1], thoas)
    drain("built-in", using="default")
    follow(fans[1], thoas)
    drain_all(using="default")

    assert look(fans) == [1] * 7
    assert differences() == []


def test_an_action_in_a_timeline_for_two_reasons_is_shown_once_during_its_fan_out(
    thoas: User, fans: list[User]
) -> None:
    action = JoinAction(actor=thoas)
    Timeline(fans[0]).save(action)
    drain_all(using="default")

    Timeline(thoas).save(action)
    begin()

    assert reached() == [2]
    assert [one.reasons for one in Timeline(fans[0]).get_private()] == [{"direct", "followed"}]
    drain_all(using="default")
    assert look(fans) == [1] * 7
    assert differences() == []


def test_a_deleted_action_is_hidden_at_once_and_leaves_the_timelines_step_by_step(
    thoas: User, fans: list[User]
) -> None:
    delete(published(thoas))

    begin()
    pages = [Timeline(thoas).get_public(), *(Timeline(one).get_private() for one in (thoas, *fans))]
    seen = [(reached(), sum(look(fans)))]
    shown = [list(page) for page in pages]
    for _ in range(3):
        step()
        seen.append((reached(), sum(look(fans))))

    assert shown == [[]] * 9
    assert look([thoas]) == [0]
    assert seen == [([2], 5), ([4], 3), ([6], 1), ([], 0)]
    assert differences() == []


def test_a_deletion_ends_the_fan_out_and_withdraws_the_action(thoas: User, fans: list[User]) -> None:
    """A later chunk of the fan-out would leave stale entries."""
    action = publish(thoas)
    begin()
    step()

    delete(action)
    begin()
    left = QueuedEvent.objects.select_related("event").get(queue=fan_out_queue_of("timelines"))

    assert left.event.type == "action_deleted"
    drain_all(using="default")
    assert look(fans) == [0] * 7
    assert differences() == []


def test_newer_events_are_applied_between_the_steps_of_a_withdrawal(thoas: User, fans: list[User]) -> None:
    delete(published(thoas))
    begin()
    step()

    publish(thoas)
    begin()
    steps = [reached()]
    for _ in range(4):
        step()
        steps.append(reached())

    assert steps == [[4, 2], [4, 4], [6, 4], [6, 6], [6]]
    drain_all(using="default")
    assert look(fans) == [1] * 7
    assert differences() == []


def test_a_follower_who_unfollows_before_a_withdrawal_does_not_keep_the_action(thoas: User, fans: list[User]) -> None:
    """Nor if it was the only action its actor has ever published."""
    delete(published(thoas))
    begin()

    for fan in fans:
        unfollow(fan, thoas)
    follow(fans[3], thoas)
    drain_all(using="default")

    assert look(fans) == [0] * 7
    assert differences() == []


def test_an_actor_deleted_before_all_followers_are_reached_leaves_nothing_behind(thoas: User, fans: list[User]) -> None:
    delete(published(thoas))
    begin()

    thoas.delete()
    drain_all(using="default")

    assert look(fans) == [0] * 7
    assert differences() == []


def test_entries_that_wait_for_a_withdrawal_are_late_and_not_wrong(thoas: User, fans: list[User]) -> None:
    delete(published(thoas))
    begin()

    assert preview("timelines").wrong == 0
    assert reached() == [2]


def test_a_rebuild_completes_a_withdrawal_that_an_operator_has_skipped(thoas: User, fans: list[User]) -> None:
    delete(published(thoas))
    begin()
    QueuedEvent.objects.update(attempts=1)
    skip(QueuedEvent.objects.all())
    before = sum(look(fans)), bool(differences())

    rebuild("timelines")

    assert (before, look(fans)) == ((5, True), [0] * 7)
    assert differences() == []


def test_deleting_an_action_that_reached_no_follower_queues_nothing(thoas: User, newbie: User) -> None:
    delete(published(thoas))

    begin()

    assert reached() == []
    assert differences() == []


def test_the_deletion_of_the_actor_ends_the_fan_out(thoas: User, fans: list[User]) -> None:
    publish(thoas)
    begin()

    thoas.delete()
    begin()

    assert reached() == []
    assert look(fans) == [0] * 7


def test_a_deleted_action_that_is_saved_again_is_fanned_out_again(thoas: User, fans: list[User]) -> None:
    action = publish(thoas)
    begin()
    step()

    delete(action)
    Timeline(thoas).save(action)
    begin()
    step()

    assert reached() == [2, 2]
    drain_all(using="default")
    assert look(fans) == [1] * 7
    assert differences() == []


def test_a_verification_waits_for_late_events(thoas: User, fans: list[User]) -> None:
    publish(thoas)
    begin()

    assert differences() == []
    assert reached() == []
    assert look(fans) == [1] * 7


def test_a_rebuild_and_a_fan_out_do_not_interfere(thoas: User, fans: list[User]) -> None:
    publish(thoas)
    begin()

    rebuild("timelines")
    drain_all(using="default")

    assert look(fans) == [1] * 7
    assert differences() == []


@pytest.mark.parametrize("begun", [publish, lambda actor: delete(published(actor))], ids=["publication", "withdrawal"])
def test_a_failed_fan_out_is_retried_from_where_it_was(
    begun: Callable[[User], Any], thoas: User, fans: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun(thoas)
    begin()
    step()
    with monkeypatch.context() as broken:
        # A time that is not a number stands for any error of a projector.
        broken.setitem(projector.SECONDS_AT_ONCE, "on_commit", "two")
        step()
    failed = QueuedEvent.objects.get(queue=fan_out_queue_of("timelines"))

    QueuedEvent.objects.update(retry_at=None)
    step()

    assert (failed.attempts, failed.reached) == (1, 4)
    assert failed.error.startswith("TypeError")
    assert reached() == [6]
    assert not QueuedEvent.objects.failed().exists()


happening = st.one_of(
    st.tuples(st.sampled_from(["follow", "unfollow", "read", "leave"]), st.integers(0, 4)),
    st.tuples(st.sampled_from(["publish", "begin", "step", "step", "lose"])),
    st.tuples(st.sampled_from(["delete", "save again"]), st.integers(0, 3)),
    st.tuples(st.just("save for"), st.integers(0, 4), st.integers(0, 3)),
)


@pytest.mark.parametrize("removes", [True, False])
@pytest.mark.parametrize("imports", [True, False])
def test_the_timelines_are_what_the_log_says_whatever_happens_between_two_steps(
    settings: Any, imports: bool, removes: bool
) -> None:
    settings.SEQUERE_TIMELINE_IMPORT_ACTIONS_ON_FOLLOW = imports
    settings.SEQUERE_TIMELINE_REMOVE_ACTIONS_ON_UNFOLLOW = removes

    @examples(max_examples=4 * TIMES)
    @given(st.sampled_from([("publish",), ("delete", 0)]), st.lists(happening, min_size=6, max_size=30))
    @undone()
    def tell(first: tuple[Any, ...], story: list[tuple[Any, ...]]) -> None:
        actor, *others = UserFactory.create_batch(6)
        follow_many((other, actor) for other in others)
        drain_all(using="default")
        look(others)
        actions: list[JoinAction] = []
        deleted: list[JoinAction] = []

        def move(number: int, from_: list[JoinAction], to: list[JoinAction], how: Callable[[JoinAction], Any]) -> None:
            if number < len(from_):
                to.append(from_.pop(number))
                how(to[-1])

        def leave(number: int) -> None:
            others[number].delete()
            others[number] = UserFactory()

        def lose() -> None:
            get_backend().reset("default")
            rebuild("timelines")

        steps: dict[str, Callable[..., Any]] = {
            "follow": lambda number: follow(others[number], actor),
            "unfollow": lambda number: unfollow(others[number], actor),
            "read": lambda number: look([others[number]]),
            "publish": lambda: actions.append(publish(actor)),
            "begin": begin,
            "step": step,
            "delete": lambda number: move(number, actions, deleted, delete),
            "save again": lambda number: move(number, deleted, actions, Timeline(actor).save),
            "save for": lambda number, of: move(of, actions, actions, Timeline(others[number]).save),
            "leave": leave,
            "lose": lose,
        }
        actions.append(published(actor))
        for name, *arguments in (first, ("begin",), *story):
            steps[name](*arguments)
        drain_all(using="default")

        assert differences() == []
        assert not QueuedEvent.objects.exists()

    tell()


def test_the_actions_of_a_deleted_actor_leave_the_timelines_of_former_followers(thoas: User, fans: list[User]) -> None:
    """The deletion first records unfollows in the same batch, so the actor has no followers left."""
    publish(thoas)
    drain_all(using="default")
    before = look(fans)

    thoas.delete()
    drain_all(using="default")

    assert (before, look(fans)) == ([1] * 7, [0] * 7)
    assert differences() == []
