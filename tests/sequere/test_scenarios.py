"""given(past).when(call).then(events), and the contract of projectors, which authors run on theirs."""

import unittest
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from django.db import transaction
from django.test import TestCase, override_settings

from sequere.base import ResourceKey
from sequere.log import Intent, record, stream_of
from sequere.log.models import Event
from sequere.models import follow, unfollow
from sequere.projections import (
    Comparison,
    Difference,
    LevelTriggeredProjector,
    OrphanKeys,
    Projector,
    Reconciler,
    RowKeys,
)
from sequere.testing import assert_records, given, recorded_events
from sequere.testing.contracts import ProjectorContract
from sequere.testing.events import shown
from tests.factories import ProjectFactory, UserFactory
from tests.testapp.models import Project, Stranger, User
from tests.testapp.sequere_registry import Joked


def to_joke(about: User, **data: Any) -> Intent:
    return Intent("joked", stream_of("joke", ResourceKey("user", str(about.pk))), about, data=data)


# Scenarios that pass


def test_a_call_records_what_is_expected(thoas: User, newbie: User, project: Project) -> None:
    given().when(lambda: follow(thoas, project)).then(("followed", thoas, project))
    given().when(lambda: record([to_joke(newbie, n=1)])).then((Joked, newbie, {"n": 1}))


def test_the_past_is_recorded_before_and_does_not_count(thoas: User, project: Project) -> None:
    given(lambda: follow(thoas, project)).when(lambda: unfollow(thoas, project)).then(("unfollowed", thoas, project))
    given(to_joke(thoas, n=1), lambda: follow(thoas, project), to_joke(thoas, n=2)).when(lambda: None).then()

    assert [event.type for event in Event.objects.order_by("id")] == [
        "followed",
        "unfollowed",
        "joked",
        "followed",
        "joked",
    ]


def test_several_events_are_compared_in_their_order(thoas: User, newbie: User, project: Project) -> None:
    def call() -> None:
        follow(thoas, project)
        record([to_joke(thoas, n=1)])
        follow(newbie, project)

    given().when(call).then(
        ("followed", thoas, project),
        (Joked, ResourceKey("user", str(thoas.pk)), {"n": 1}),
        ("followed", newbie, project),
    )


def test_data_are_compared_only_if_they_are_given(thoas: User) -> None:
    given().when(lambda: record([to_joke(thoas, n=1), to_joke(thoas, n=2)])).then(
        ("joked", thoas), ("joked", thoas, {"n": 2})
    )


def test_a_refusal_is_expected(thoas: User, project: Project) -> None:
    given(lambda: follow(thoas, project)).when(lambda: 1 / 0).then_raises(ZeroDivisionError)
    given().when(lambda: 1 / 0).then_raises(ArithmeticError)


def test_an_error_in_the_past_is_not_kept(thoas: User) -> None:
    with pytest.raises(ZeroDivisionError):
        given(lambda: 1 / 0).when(lambda: None)


# Scenarios that fail


def test_other_events_than_expected_are_shown(thoas: User, newbie: User, project: Project) -> None:
    one, other, film = f"user:{thoas.pk}", f"user:{newbie.pk}", f"project:{project.pk}"
    scenario = given().when(lambda: follow(thoas, project))

    def message(*expected: Any) -> str:
        with pytest.raises(AssertionError) as caught:
            scenario.then(*expected)
        return str(caught.value)

    assert message() == f"recorded followed {one} {film}, expected nothing"
    assert message(("followed", newbie, project)) == (
        f"recorded followed {one} {film}, expected followed {other} {film}"
    )
    assert message(("unfollowed", thoas, project)) == (
        f"recorded followed {one} {film}, expected unfollowed {one} {film}"
    )
    assert message(("followed", thoas)) == f"recorded followed {one} {film}, expected followed {one}"
    assert message(("followed", thoas, project), (Joked, thoas)) == (
        f"recorded followed {one} {film}, expected followed {one} {film}; joked {one}"
    )
    assert message(("followed", thoas, project, {"n": 1})) == (
        f"recorded followed {one} {film} {{}}, expected followed {one} {film} {{'n': 1}}"
    )


def test_nothing_is_shown_as_nothing(thoas: User) -> None:
    with pytest.raises(AssertionError, match=f"recorded nothing, expected joked user:{thoas.pk}$"):
        given().when(lambda: None).then((Joked, thoas))

    assert shown([]) == "nothing"


def test_the_order_matters(thoas: User, newbie: User) -> None:
    scenario = given().when(lambda: record([to_joke(thoas), to_joke(newbie)]))

    with pytest.raises(AssertionError):
        scenario.then((Joked, newbie), (Joked, thoas))


def test_an_unexpected_error_is_raised(thoas: User, project: Project) -> None:
    scenario = given().when(lambda: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        scenario.then()


def test_a_missing_refusal_is_shown(thoas: User, project: Project) -> None:
    scenario = given().when(lambda: follow(thoas, project))

    with pytest.raises(AssertionError, match="raised None, expected ZeroDivisionError"):
        scenario.then_raises(ZeroDivisionError)


def test_another_refusal_is_shown_with_its_cause() -> None:
    scenario = given().when(lambda: {}["no such key"])

    with pytest.raises(AssertionError, match=r"raised KeyError\('no such key'\), expected ZeroDivisionError") as caught:
        scenario.then_raises(ZeroDivisionError)

    assert isinstance(caught.value.__cause__, KeyError)


def test_a_refusal_must_record_nothing(thoas: User, project: Project) -> None:
    def record_and_fail() -> None:
        follow(thoas, project)
        raise ZeroDivisionError

    scenario = given().when(record_and_fail)

    with pytest.raises(AssertionError, match=r"recorded followed .*, expected nothing"):
        scenario.then_raises(ZeroDivisionError)


def test_a_scenario_in_a_block_says_the_same(thoas: User, project: Project) -> None:
    with recorded_events() as events, assert_records(("followed", thoas, project)):
        event = follow(thoas, project)

    assert events == [event]


# The contract of projectors


class Counter(Projector):
    """How many follow each resource, in rows "kind:key number"."""

    step = 1

    def on_followed(self, event: Event, *, using: str) -> None:
        self._add(event, self.step, using)

    def on_unfollowed(self, event: Event, *, using: str) -> None:
        self._add(event, -self.step, using)

    def reset(self, subjects: Sequence[ResourceKey], *, using: str) -> None:
        Stranger.objects.using(using).filter(name__in=map(str, subjects)).delete()

    def _add(self, event: Event, number: int, using: str) -> None:
        rows = Stranger.objects.using(using).filter(name=str(event.subject))
        for _ in range(abs(number)):
            if number > 0:
                Stranger.objects.using(using).create(name=str(event.subject))
            elif row := rows.first():
                row.delete()


class ForgetfulCounter(Counter):
    """Does not forget what it has counted, so a rebuild counts every event twice."""

    def reset(self, subjects: Sequence[ResourceKey], *, using: str) -> None:
        pass


def live(names: Iterable[str], using: str) -> dict[str, int]:
    """How many follow each resource, says the log."""
    numbers: dict[str, int] = {}
    for name in names:
        identifier, _, object_id = name.partition(":")
        events = Event.objects.using(using).filter(target_identifier=identifier, target_object_id=object_id)
        number = events.filter(type="followed").count() - events.filter(type="unfollowed").count()
        if number:
            numbers[name] = number
    return numbers


class CountComparison(Comparison):
    def resources(self, keys: Any, using: str) -> list[ResourceKey]:
        return [ResourceKey(*name.split(":", 1)) for name in keys]

    def compare(self, keys: Any, using: str, *, repair: bool) -> list[Difference]:
        names = sorted(set(keys))
        right, rows = live(names, using), Stranger.objects.using(using)
        counted = {name: rows.filter(name=name).count() for name in names}
        wrong = [name for name in names if right.get(name, 0) != counted[name]]
        if repair:
            rows.filter(name__in=wrong).delete()
            rows.bulk_create([Stranger(name=name) for name in wrong for _ in range(right.get(name, 0))])
        return [Difference(name, right.get(name, 0), counted[name]) for name in wrong]


def first_follows(using: str) -> Any:
    return Event.objects.using(using).filter(type="followed", version=1)


class LevelCounter(LevelTriggeredProjector):
    """The same, as a hint."""

    reconcilers = (
        Reconciler(
            "followers",
            RowKeys(
                first_follows,
                lambda rows, using: [f"{identifier}:{object_id}" for _, identifier, object_id in rows],
                also=("target_identifier", "target_object_id"),
            ),
            CountComparison(),
        ),
        Reconciler(
            "orphans",
            OrphanKeys(
                Stranger.objects.using,
                lambda rows, using: [name for _, name in rows],
                also=("name",),
                orphans=lambda rows, using: rows.exclude(
                    name__in=[f"{one.target}" for one in first_follows(using)],
                ),
            ),
            CountComparison(),
        ),
    )

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        names = {str(event.subject) for event in events if event.type in {"followed", "unfollowed"}}
        CountComparison().compare(names, using, repair=True)


class DoubleCounter(LevelCounter):
    """Claims to be level-triggered, and counts every event that it gets."""

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            if event.type == "followed":
                Stranger.objects.using(using).create(name=str(event.subject))
            elif event.type == "unfollowed" and (row := Stranger.objects.filter(name=str(event.subject)).first()):
                row.delete()


class LastWriter(LevelCounter):
    """Believes the last event that it gets."""

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        for event in events:
            rows = Stranger.objects.using(using).filter(name=str(event.subject))
            rows.delete()
            if event.type == "followed":
                Stranger.objects.using(using).create(name=str(event.subject))


class Blind(LevelCounter):
    """Verifies nothing."""

    reconcilers = ()


class Idle(Counter):
    """Applies nothing."""

    def apply(self, events: Iterable[Event], *, using: str) -> None:
        pass


class Followers(ProjectorContract):
    """What the tests of an author say."""

    projection = "counter"

    def record_events(self) -> None:
        thoas, newbie, film = UserFactory(), UserFactory(), ProjectFactory()
        follow(thoas, film)
        follow(newbie, film)
        follow(thoas, newbie)
        unfollow(newbie, film)
        self.film = ResourceKey("project", str(film.pk))

    def state(self) -> Any:
        return sorted(Stranger.objects.values_list("name", flat=True))

    def damage(self) -> None:
        Stranger.objects.filter(name=str(self.film)).delete()


class OrphansToo(Followers):
    def damage(self) -> None:
        super().damage()
        Stranger.objects.create(name="project:999999")


def using_projector(projector: type[Projector], mode: str) -> Any:
    return override_settings(
        SEQUERE_PROJECTORS={"counter": f"{__name__}.{projector.__qualname__}"},
        SEQUERE_PROJECTION_MODES=dict.fromkeys(["follows", "timelines", "counter"], mode),
    )


@using_projector(Counter, "inline")
class TestPlainInline(Followers, TestCase):
    pass


@using_projector(Counter, "on_commit")
class TestPlainOnCommit(Followers, TestCase):
    pass


@using_projector(LevelCounter, "inline")
class TestLevelTriggeredInline(OrphansToo, TestCase):
    pass


@using_projector(LevelCounter, "on_commit")
class TestLevelTriggeredOnCommit(OrphansToo, TestCase):
    pass


def failures(projector: type[Projector], contract: type[ProjectorContract], mode: str) -> set[str]:
    """The tests of the contract that fail for a projector."""
    case = using_projector(projector, mode)(type("Case", (contract, TestCase), {}))
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    result = unittest.TestResult()
    suite.run(result)
    return {test.id().rpartition(".")[2] for test, _ in [*result.failures, *result.errors]}


@pytest.mark.parametrize("mode", ["inline", "on_commit"])
@pytest.mark.parametrize(
    ("projector", "caught_by"),
    [
        (Counter, set()),
        (LevelCounter, set()),
        (ForgetfulCounter, {"test_a_rebuild_changes_nothing", "test_a_rebuild_repairs_damage"}),
        (DoubleCounter, {"test_events_that_come_again_change_nothing", "test_events_in_another_order_change_nothing"}),
        (
            LastWriter,
            {
                "test_a_rebuild_changes_nothing",
                "test_a_rebuild_repairs_damage",
                "test_a_verification_finds_nothing",
                "test_events_in_another_order_change_nothing",
            },
        ),
        (Blind, {"test_a_rebuild_repairs_damage", "test_a_verification_finds_and_repairs_damage"}),
        (Idle, {"test_its_events_leave_something"}),
    ],
)
@pytest.mark.django_db
def test_the_contract_catches(projector: type[Projector], caught_by: set[str], mode: str) -> None:
    found = failures(projector, Followers, mode)

    assert found == caught_by


def test_what_was_rolled_back_was_not_recorded(thoas: User, project: Project) -> None:
    def verb() -> None:
        with transaction.atomic():
            follow(thoas, project)
            raise ZeroDivisionError

    given().when(verb).then_raises(ZeroDivisionError)
