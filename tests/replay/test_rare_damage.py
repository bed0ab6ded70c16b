"""Damage that is harder to see, and how it is reported."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from sequere.replay.verifying import verify
from sequere_timeline.backends.database.models import TimelineState
from tests.replay.test_damage import DAMAGES, LATER, Site, action, empty, entry, run, uid_of

pytestmark = pytest.mark.django_db

RARE: dict[str, Callable[[Site], Any]] = {
    "an action has another actor": lambda site: action(site).update(actor_uid=uid_of(site.fan)),
    "an action has another date": lambda site: action(site).update(date=LATER),
    "an action has another id": lambda site: action(site).update(id=10**9),
    "an action without a target has a deleted one": lambda site: action(site).update(target_deleted=True),
    "an action and its entries are missing": lambda site: (entry(site).delete(), action(site).delete()),
    "an action is missing and its entry has another reason": lambda site: (
        entry(site).update(extra=1 | 2),
        action(site).delete(),
    ),
    "a direct entry is followed too": lambda site: entry(site, "told").update(extra=2 | 4),
    "a read mark is empty": lambda site: TimelineState.objects.update(read_at=None),
}


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.mark.parametrize("damage", RARE.values(), ids=RARE)
def test_rare_damage_is_found_and_repaired(site: Site, damage: Callable[[Site], Any]) -> None:
    before = site.answers()
    damage(site)

    assert run("verify_projections")[0] == 1
    assert run("verify_projections", repair=True)[0] == 0

    assert run("verify_projections")[0] == 0
    assert site.answers() == before


#: "a follow that is over" damages the timelines too.
OF_FOLLOWS = [name for name in DAMAGES if name.startswith(("a follow", "a count")) and name != "a follow that is over"]


@pytest.mark.parametrize("name", OF_FOLLOWS)
def test_timelines_are_compared_with_the_log_and_not_with_wrong_follows(site: Site, name: str) -> None:
    DAMAGES[name](site)

    assert run("verify_projections", projection="timelines")[0] == 0
    assert run("verify_projections", projection="follows")[0] == 1


def test_timelines_can_be_rebuilt_before_the_follows(site: Site) -> None:
    before = site.answers()
    empty(site)

    for name in ("timelines", "follows"):
        call_command("rebuild_projections", projection=name, stdout=StringIO())

    assert site.answers() == before


@pytest.mark.parametrize("name", ["a read mark has another time", "a read mark that never was", "a count is negative"])
def test_a_difference_is_reported_once(site: Site, name: str) -> None:
    DAMAGES[name](site)
    told: list[str] = []

    wrong = sum(
        verify(name, on_difference=lambda one: told.append(one.what)).wrong for name in ("follows", "timelines")
    )

    assert sorted(told) == sorted(set(told))
    assert wrong == len(told)


@pytest.mark.parametrize("extra", [0, 4, 8, 4 | 8])
def test_the_database_refuses_unknown_reasons(site: Site, extra: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        entry(site).update(extra=extra)
