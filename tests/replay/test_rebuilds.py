"""A rebuild is divided into slices; its progress is kept, and any number of processes share it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from sequere import ResourceKey, replay
from sequere.backends.database import relations
from sequere.backends.database.counts import COUNTS
from sequere.backends.database.models import LiveRelation, RelationCount
from sequere.backends.database.relations import RELATIONS
from sequere.contrib.timeline import Timeline
from sequere.exceptions import RebuildAbandoned
from sequere.log.locks import Resource, keys_of, uids_of
from sequere.log.models import Event
from sequere.models import Rebuild, Slice, follow, follow_many, get_followers_count
from sequere.replay import rebuilding, verifying
from sequere.replay.progress import progress
from sequere.replay.rebuilding import rebuild, start, work
from sequere.replay.subjects import SUBJECT_KEYS
from sequere.replay.verifying import Report, Sample, verify
from sequere_timeline.backends.database.models import Entry
from sequere_timeline.backends.database.private import UNKNOWN_ENTRIES
from tests.commands import run
from tests.factories import UserFactory
from tests.races.outcome import differences
from tests.read_models import empty_read_models
from tests.statements import exactly
from tests.testapp.models import User
from tests.testapp.sequere_registry import JoinAction

pytestmark = [pytest.mark.django_db, pytest.mark.database]

#: Of a rebuild of follows, in order. No row of a resource is missing, so that the first two end at once. The others
#: look at each resource.
PASSES = ["rows of actors", "rows of targets", "suspensions", "follows", "opposites", "counts"]
FANS = [ResourceKey("user", str(number)) for number in range(10**6, 10**6 + 30)]


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 4; two batches are a slice."""
    for reconciler in (*RELATIONS, COUNTS):
        monkeypatch.setattr(reconciler.keys, "size", 4)
    monkeypatch.setattr(rebuilding, "SLICES", 4)


@pytest.fixture
def thoas(small_slices: None) -> User:
    """Followed by 30 fans, whom the read model has lost."""
    thoas = UserFactory(pk=10**5, username="thoas")  # the first one in the order of keys, and of uids
    follow_many((fan, thoas) for fan in FANS)
    empty_read_models()
    return thoas


class Killed(BaseException):
    """The process is gone: no except clause of ours may catch it."""


def killed_after(batches: int) -> Callable[..., None]:
    told = 0

    def die(*_: Any) -> None:
        nonlocal told
        told += 1
        if told == batches:
            raise Killed

    return die


def test_an_interrupted_rebuild_is_resumed(thoas: User) -> None:
    with pytest.raises(Killed):
        rebuild("follows", progress=killed_after(6))
    repaired = LiveRelation.objects.count()
    told: list[tuple[str, int, int]] = []

    report = rebuild("follows", progress=lambda *done: told.append(done))

    assert 0 < repaired < 30
    assert told[0][:2] == ("follows", repaired + 1 + 4)  # one of the first four is thoas
    assert report == Report(checked=31 + 31 + 31, wrong=30 + 31)
    assert differences() == []


@pytest.mark.parametrize("lost", [[], FANS[-4:], FANS])
def test_a_rebuild_whose_work_was_undone_begins_anew(thoas: User, lost: list[ResourceKey]) -> None:
    with pytest.raises(Killed):
        rebuild("follows", progress=killed_after(12))  # all of the follows
    interrupted = start("follows")

    LiveRelation.objects.filter(from_uid__in=uids_of(lost, "default").values()).delete()
    again = start("follows")

    assert (again == interrupted) is (lost == [])
    assert replay.finish(again).failed == 0
    assert differences() == []


def test_a_rebuild_starts_again_on_demand(thoas: User) -> None:
    with pytest.raises(Killed):
        rebuild("follows", progress=killed_after(6))
    told: list[tuple[str, int, int]] = []

    rebuild("follows", restart=True, progress=lambda *done: told.append(done))

    assert told[:3] == [("rows of actors", 0, 0), ("rows of targets", 0, 0), ("suspensions", 0, 0)]
    assert not Rebuild.objects.filter(ended_at=None).exists()


def test_two_processes_share_a_rebuild(thoas: User) -> None:
    first, second = start("follows"), start("follows")
    with pytest.raises(Killed):
        work(first.pk, progress=killed_after(2))

    assert second.pk == first.pk
    assert work(second.pk)
    assert work(first.pk)
    (done,) = progress("default")
    assert (done.done, done.wrong) == (93, 61)


def test_a_later_pass_waits_for_the_earlier_one(thoas: User) -> None:
    order: list[str] = []

    rebuild("follows", progress=lambda name, *_: order.append(name))

    assert list(dict.fromkeys(order)) == PASSES
    assert order == sorted(order, key=PASSES.index)


def test_a_restart_ends_the_work_of_others(thoas: User) -> None:
    first = start("follows")

    start("follows", restart=True)

    assert work(first.pk)
    with pytest.raises(RebuildAbandoned, match="somebody has begun it anew"):
        replay.finish(first)


def test_progress_is_visible_to_every_process(thoas: User) -> None:
    with pytest.raises(Killed):
        rebuild("follows", progress=killed_after(6))

    (half,) = progress("default")
    assert (half.projection, half.part, half.done, half.total, half.wrong) == ("follows", "follows", 12, 93, 11)
    assert half.ended_at is None
    assert half.workers == 1
    assert half.rate is not None
    assert half.remaining == pytest.approx((93 - 12) / half.rate)

    rebuild("follows")

    (whole,) = progress("default")
    assert (whole.part, whole.done, whole.total, whole.wrong, whole.workers) == ("", 93, 93, 61, 0)
    assert whole.ended_at is not None
    assert whole.remaining is None
    assert not Slice.objects.exists()


def test_a_rebuild_without_workers_is_not_a_slow_one(thoas: User) -> None:
    start("follows")

    (waiting,) = progress("default")

    assert (waiting.workers, waiting.rate, waiting.remaining, waiting.done) == (0, None, None, 0)


def test_progress_costs_two_queries(thoas: User, django_assert_num_queries: Any) -> None:
    for name in ("follows", "timelines"):
        start(name)

    with django_assert_num_queries(2):
        assert [one.projection for one in progress("default")] == ["follows", "timelines"]


def test_an_empty_log_is_rebuilt_at_once() -> None:
    assert rebuild("follows") == rebuild("timelines") == Report()

    assert {(one.done, one.total, one.wrong, one.rate) for one in progress("default")} == {(0, 0, 0, None)}


def test_show_projections_shows_a_rebuild(thoas: User) -> None:
    with pytest.raises(Killed):
        rebuild("follows", progress=killed_after(6))

    shown = run("show_projections")[1].splitlines()[-1]
    (follows, timelines) = json.loads(run("show_projections", json=True)[1])

    assert shown.startswith("rebuild of follows: follows, 12 of 93 checked, 11 repaired, ")
    assert shown.endswith(" left, 1 at work")
    assert (follows["rebuild"]["part"], follows["rebuild"]["done"]) == ("follows", 12)
    assert timelines["rebuild"] is None


def test_only_the_given_projection_is_rebuilt(thoas: User) -> None:
    assert run("rebuild_projections", projection="follows") == (
        0,
        "follows: rebuilt, 93 checked, 61 repaired\n",
    )

    assert [one.projection for one in progress("default")] == ["follows"]


def test_a_dry_run_counts_repairs_and_writes_nothing(thoas: User) -> None:
    Timeline(thoas).save(JoinAction(actor=thoas))
    writes: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith("SELECT") and not sql.lstrip().startswith("WITH given"):
            writes.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        status, said = run("rebuild_projections", dry_run=True)

    assert status == 0
    assert "follows: 93 to be checked, 30 to be repaired" in said
    assert [sql for sql in writes if any(word in sql for word in ("INSERT", "UPDATE", "DELETE"))] == []
    assert (LiveRelation.objects.count(), RelationCount.objects.count(), Rebuild.objects.count()) == (0, 0, 0)


def test_a_sample_finds_its_differences_and_the_same_seed_finds_them_again(
    thoas: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "KEYS_PER_SAMPLE", 2)
    rebuild("follows")
    gone = LiveRelation.objects.filter(from_uid=Resource.objects.get(object_id=FANS[7].object_id).uid)
    gone.delete()

    def found(seed: int) -> list[str]:
        said: list[str] = []
        report = verify("follows", sample=Sample(0.2, seed), on_difference=lambda one: said.append(str(one)))
        assert report.wrong == len(said)
        assert report.total is not None
        assert 0 < report.checked < report.total
        return said

    by_seed = {seed: found(seed) for seed in range(20)}

    finders = [seed for seed, said in by_seed.items() if any(FANS[7].object_id in line for line in said)]
    assert 0 < len(finders) < 20
    assert found(finders[0]) == by_seed[finders[0]]


def test_the_seed_of_a_sample_is_printed_and_accepted(thoas: User) -> None:
    rebuild("follows")

    status, said = run("verify_projections", projection="follows", sample=0.5)

    first, second = said.splitlines()
    seed = int(first.split()[-1])
    assert status == 0
    assert second.endswith("checked, equal to the log")
    assert run("verify_projections", projection="follows", sample=0.5, seed=seed) == (status, said)


@pytest.mark.parametrize("share", ["0", "101%", "much"])
def test_an_invalid_share_is_refused(share: str) -> None:
    with pytest.raises(Exception, match="give a share such as 1%"):
        call_command("verify_projections", "--sample", share)


def test_a_rebuild_of_a_host_projector_is_resumed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.SEQUERE_PROJECTORS = {"newcomers": "tests.replay.test_commands.Newcomers"}
    monkeypatch.setattr(SUBJECT_KEYS, "size", 1)
    users = UserFactory.create_batch(3)
    for one in users[1:]:
        follow(one, users[0])

    with pytest.raises(Killed):
        rebuild("newcomers", progress=killed_after(2))
    told: list[int] = []
    report = rebuild("newcomers", progress=lambda _, done, __: told.append(done))

    assert told[0] == 3
    assert report == Report(checked=3)


def test_a_rebuild_of_entries_is_cut_and_resumed_among_dates(thoas: User, monkeypatch: pytest.MonkeyPatch) -> None:
    rebuild("follows")
    monkeypatch.setattr(UNKNOWN_ENTRIES.keys, "size", 4)
    Timeline(thoas).save(JoinAction(actor=thoas))

    def killed_in_the_middle(name: str, done: int, total: int) -> None:
        if name == "unknown entries" and 0 < done < total:
            raise Killed

    with pytest.raises(Killed):
        rebuild("timelines", progress=killed_in_the_middle)
    report = rebuild("timelines")

    assert report.wrong == 0
    assert Entry.objects.count() == 31


def followers() -> set[ResourceKey]:
    return {*keys_of(LiveRelation.objects.values_list("from_uid", flat=True), "default").values()}


def test_a_page_of_follows_costs_the_same_for_any_number(thoas: User, monkeypatch: pytest.MonkeyPatch) -> None:
    follows = RELATIONS[0]
    monkeypatch.setattr(follows.keys, "size", 16)  # thoas is one of them

    with exactly(3):
        page = follows.keys.page(None, None, "default")
    with exactly(1):
        assert {*follows.comparison.resources(page.keys, "default")} == {*FANS[:15]}
    with exactly(5 if connection.vendor == "postgresql" else 6):
        assert follows.comparison.repair(page.keys, "default") == 15
    with exactly(3):
        assert follows.keys.page(None, None, "default").keys is None

    assert followers() == {*FANS[:15]}


def test_a_page_of_follows_ends_where_there_is_work_enough(thoas: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relations, "RELATIONS_AT_ONCE", 6)
    follows = RELATIONS[0]
    monkeypatch.setattr(follows.keys, "size", 16)

    pages = [follows.keys.page(None, None, "default")]
    while pages[-1].end:
        pages.append(follows.keys.page(pages[-1].end, None, "default"))

    assert [page.number for page in pages] == [7, 6, 6, 6, 6, 0]
    assert sum(follows.comparison.repair(page.keys, "default") for page in pages if page.keys) == 30


def test_opposites_that_fit_and_are_wrong_are_both_repaired(thoas: User) -> None:
    """As if an older state of the read model were there: neither of two friends was told that the other one follows."""
    newbie = UserFactory()
    rebuild("follows")
    for one, other in ((thoas, newbie), (newbie, thoas)):
        follow(one, other)
    LiveRelation.objects.filter(mutual_since__isnull=False).order_by("from_uid")[0].delete()
    LiveRelation.objects.update(mutual_since=None)

    rebuild("follows")

    assert differences() == []
    assert LiveRelation.objects.filter(mutual_since__isnull=False).count() == 2


def test_relations_from_nobody_are_removed(thoas: User) -> None:
    rebuild("follows")
    known = LiveRelation.objects.all()[0]
    for uid in (-1, 10**9):
        LiveRelation.objects.create(
            graph=known.graph, from_uid=uid, to_uid=known.to_uid, from_kind=1, to_kind=1, since=known.since, event_id=1
        )

    assert rebuild("follows").wrong >= 2

    assert followers() == {*FANS}
    assert differences() == []


def test_follows_of_a_resource_that_was_not_locked_are_left_to_their_writer(thoas: User) -> None:
    follows = RELATIONS[0].comparison
    page = RELATIONS[0].keys.page(None, None, "default")
    known = follows.resources(page.keys, "default")
    newbie = ResourceKey("user", "999999")
    follow(newbie, thoas)
    LiveRelation.objects.filter(from_uid=Resource.objects.get(object_id=newbie.object_id).uid).delete()

    follows.repair(page.keys, "default")

    assert newbie not in known
    assert followers() == {*known}


def test_counts_of_resources_without_follows_are_repaired(thoas: User) -> None:
    rebuild("follows")
    known = RelationCount.objects.all()[0]
    RelationCount.objects.create(graph=known.graph, uid=10**9, kind=1, incoming=3)
    RelationCount.objects.create(graph=known.graph, uid=-1, kind=1, mutual=1)

    assert rebuild("follows").wrong == 2

    assert get_followers_count(thoas) == 30
    assert RelationCount.objects.count() == 31
    assert Event.objects.count() == 30
