"""Relations are values: those of a made-up type, and follows in scopes, stand beside follows."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sequere import signals
from sequere.base import ResourceKey
from sequere.event_types import TARGET, event_types, register_event
from sequere.exceptions import InternalEventType
from sequere.log import Intent, lifecycle, record, stream_of
from sequere.log.models import Event
from sequere.log.recording import Outcome, record_internal
from sequere.log.streams import RESERVED
from sequere.models import (
    follow,
    get_followers,
    get_followers_count,
    get_followings_count,
    get_friends_count,
    is_following,
    unfollow,
)
from sequere.relations import recorded
from sequere.relations.intents import is_live, to_begin, to_end, to_import
from sequere.relations.key import FOLLOWS, RELATION, Graph, RelationKey
from sequere.relations.types import FOLLOW, RelationEvent, RelationType
from sequere.replay import rebuild, verify
from tests.races.outcome import differences
from tests.statements import exactly
from tests.testapp.models import Project, User


class Liked(RelationEvent):
    """Once for each like."""

    name = "liked"
    subject = TARGET


class Unliked(RelationEvent):
    name = "unliked"
    subject = TARGET


LIKE = RelationType("like", begun=Liked, ended=Unliked, followings="likes", followers="liked_by")
LIKES, LOVES = Graph(LIKE), Graph(LIKE, "love")
WATCHES = Graph(FOLLOW, "watch")

THOAS, NEWBIE, FILM = ResourceKey("user", "1"), ResourceKey("user", "2"), ResourceKey("project", "1")
ODD = ["", "a:b", "it's", '"', "50% %s %%", "{0} {}", "\\x00 \\", "\x01\n\t", "\xe9", "e\u0301", "😀", " ", "ß\u2028"]


@pytest.fixture(autouse=True)
def like() -> Iterator[None]:
    """The types of its events are known for the length of a test."""
    before = dict(event_types._by_name)
    register_event(Liked)
    register_event(Unliked)
    yield
    event_types._by_name.clear()
    event_types._by_name.update(before)


def keys(thoas: User, project: Project) -> tuple[ResourceKey, ResourceKey]:
    return ResourceKey("user", str(thoas.pk)), ResourceKey("project", str(project.pk))


# Declarations


def test_each_event_of_a_declared_type_has_a_signal() -> None:
    assert (signals.liked, signals.unliked) == (Liked.signal, Unliked.signal)
    assert {"liked", "unliked", "followed", "events_recorded"} <= {*dir(signals)}
    assert signals.liked.__doc__ == "Once for each like."
    with pytest.raises(AttributeError, match=r"module 'sequere.signals' has no attribute 'deleted'"):
        _ = signals.deleted


def recorded_types(outcomes: list[Outcome]) -> list[str | None]:
    return [outcome.event and outcome.event.type for outcome in outcomes]


# Streams


def test_a_stream_belongs_to_a_type_a_scope_and_a_direction() -> None:
    relations = [
        RelationKey(*ends, graph)
        for graph in (FOLLOWS, LIKES, LOVES, Graph(FOLLOW, "love"), Graph(FOLLOW, "like"))
        for ends in ((THOAS, FILM), (FILM, THOAS), (THOAS, NEWBIE))
    ]

    assert len({relation.stream for relation in relations}) == len(relations)


def test_a_relation_belongs_to_the_follows_unless_it_says_otherwise() -> None:
    assert RelationKey(THOAS, FILM) == RelationKey(THOAS, FILM, FOLLOWS)
    assert FOLLOWS.name == ("follow", "")
    assert str(RelationKey(THOAS, FILM, LOVES)) == "like (love) user:1 → project:1"


def test_the_opposite_stays_in_its_graph() -> None:
    assert RelationKey(THOAS, FILM, LOVES).opposite == RelationKey(FILM, THOAS, LOVES)


text = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=5)
likely = st.sampled_from(["", "a", "b", "ab", "a:b", ":", "like", "follow", "relation"])
names = likely | text
resource_keys = st.builds(ResourceKey, names, names)
relation_types = st.builds(
    RelationType, names, begun=st.just(Liked), ended=st.just(Unliked), followings=st.just(""), followers=st.just("")
)
relation_keys = st.builds(RelationKey, resource_keys, resource_keys, st.builds(Graph, relation_types, names))


@given(relation_keys, relation_keys)
def test_no_two_relations_share_a_stream(one: RelationKey, other: RelationKey) -> None:
    assume(one != other)

    assert one.stream != other.stream


@given(relation_keys)
def test_a_relation_is_the_opposite_of_its_opposite(one: RelationKey) -> None:
    opposite = one.opposite

    assert opposite.opposite == one
    assert (opposite.from_key, opposite.to_key, opposite.graph) == (one.to_key, one.from_key, one.graph)
    assert (opposite.stream == one.stream) == (one.from_key == one.to_key)


@given(relation_keys, st.lists(resource_keys, max_size=4), names)
def test_no_other_stream_is_that_of_a_relation(one: RelationKey, others: list[ResourceKey], kind: str) -> None:
    assume(kind not in RESERVED)

    assert one.stream not in {stream_of(kind, *others), lifecycle(one.from_key), lifecycle(one.to_key)}


def test_a_host_cannot_name_such_a_stream() -> None:
    assert RELATION in RESERVED


@pytest.mark.django_db
@pytest.mark.parametrize("scope", ODD)
def test_the_database_names_streams_as_python_does(scope: str) -> None:
    ends = [ResourceKey("user", odd) for odd in ODD]
    graph = Graph(LIKE, scope)
    relations = [RelationKey(one, other, graph) for one, other in product(ends, ends[::3])]
    record_internal([to_begin(relation) for relation in relations])

    events = Event.objects.filter(type="liked").annotate(
        there=RelationKey.stream_in_sql(graph, "actor_", "target_"),
        back=RelationKey.stream_in_sql(graph, "target_", "actor_"),
    )

    in_sql = {event.stream: (event.there, event.back) for event in events}  # type: ignore[attr-defined]
    assert in_sql == {one.stream: (one.stream, one.opposite.stream) for one in relations}


@pytest.mark.django_db
def test_a_stream_can_be_looked_up_in_the_database() -> None:
    record_internal([to_begin(RelationKey(THOAS, FILM, graph)) for graph in (FOLLOWS, LIKES, LOVES)])

    found = {
        graph.name: list(
            Event.objects.filter(stream=RelationKey.stream_in_sql(graph, "actor_", "target_")).values_list(
                "stream", flat=True
            )
        )
        for graph in (FOLLOWS, LIKES, LOVES)
    }

    assert found == {graph.name: [RelationKey(THOAS, FILM, graph).stream] for graph in (FOLLOWS, LIKES, LOVES)}


# Intents


@pytest.mark.django_db
def test_a_relation_begins_and_ends_in_turn() -> None:
    relation = RelationKey(THOAS, FILM, LIKES)

    outcomes = record_internal([to(relation) for to in (to_end, to_begin, to_begin, to_end, to_end, to_begin)])

    assert recorded_types(outcomes) == [None, "liked", None, "unliked", None, "liked"]
    events = Event.objects.of_stream(relation.stream)
    assert [(event.type, event.version, event.actor, event.target, event.subject) for event in events] == [
        ("liked", 1, THOAS, FILM, FILM),
        ("unliked", 2, THOAS, FILM, FILM),
        ("liked", 3, THOAS, FILM, FILM),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("graph", [FOLLOWS, WATCHES])
def test_an_event_says_which_relation_it_is_about(graph: Graph) -> None:
    relation = RelationKey(THOAS, FILM, graph)

    outcomes = record_internal([to(relation) for to in (to_begin, to_end)])

    assert [outcome.event and outcome.event.scope for outcome in outcomes] == [graph.scope] * 2
    assert [RelationKey.of_event(event) for event in Event.objects.all()] == [relation] * 2


@pytest.mark.django_db
def test_an_import_does_not_begin_what_has_ended() -> None:
    known, ended, new = (RelationKey(THOAS, ResourceKey("project", str(n)), LIKES) for n in range(3))
    record_internal([to_begin(known), to_begin(ended), to_end(ended)])
    since = datetime(2013, 10, 25, tzinfo=UTC)

    outcomes = record_internal([to_import(one, since) for one in (known, ended, new)])

    assert recorded_types(outcomes) == [None, None, "liked"]
    assert outcomes[2].event
    assert (outcomes[2].event.occurred_at, outcomes[2].event.stream) == (since, new.stream)


@pytest.mark.django_db
def test_graphs_are_independent() -> None:
    relations = [RelationKey(THOAS, NEWBIE, graph) for graph in (FOLLOWS, LIKES, LOVES, Graph(FOLLOW, "love"))]

    begun = record_internal([to_begin(one) for one in relations])
    ended = record_internal([to_end(relations[1])])

    assert recorded_types(begun) == ["followed", "liked", "liked", "followed"]
    assert recorded_types(ended) == ["unliked"]
    live: list[bool] = []
    record_internal([to_begin(one)._replace(decide=lambda history: live.append(is_live(history))) for one in relations])
    assert live == [True, False, True, True]


@pytest.mark.django_db
def test_a_key_of_a_request_is_for_one_graph() -> None:
    like, love = (RelationKey(THOAS, FILM, graph) for graph in (LIKES, LOVES))
    (first,) = record_internal([to_begin(like, None, "request 1")])

    (again,) = record_internal([to_begin(like, None, "request 1")])

    assert (again.event, again.is_new) == (first.event, False)
    assert love.stream != like.stream


def test_only_an_event_with_a_target_is_about_a_relation() -> None:
    with pytest.raises(ValueError, match="is about no relation"):
        RelationKey.of_event(Event(type="joked", actor_identifier="user", actor_object_id="1"))


@pytest.mark.django_db
def test_a_host_cannot_forge_one() -> None:
    with pytest.raises(InternalEventType, match="'liked'"):
        record([Intent("liked", RelationKey(THOAS, FILM, LIKES).stream, THOAS, target=FILM)])

    assert not Event.objects.exists()


# What the log knows


@pytest.fixture
def watching(db: None) -> dict[str, Event]:
    """thoas watches the film and newbie, and newbie no longer watches the film. Follows are among them."""
    here, there, ended = (
        RelationKey(one, other, WATCHES) for one, other in ((THOAS, FILM), (THOAS, NEWBIE), (NEWBIE, FILM))
    )
    outcomes = record_internal(
        [
            to_begin(RelationKey(NEWBIE, FILM)),
            to_begin(here),
            to_begin(there),
            to_begin(ended),
            to_end(ended),
            to_begin(RelationKey(FILM, ResourceKey("user", "3"))),
            to_begin(RelationKey(FILM, ResourceKey("user", "4"), LIKES)),
        ]
    )
    names = ["follow", "here", "there", "ended", "end", "other follow", "like"]
    return {name: outcome.event for name, outcome in zip(names, outcomes, strict=True) if outcome.event}


def test_the_relations_of_all_graphs(watching: dict[str, Event]) -> None:
    first = list(recorded.relations("default").order_by("id"))
    live = list(recorded.live_relations("default").order_by("id"))

    assert first == [watching[name] for name in ("follow", "here", "there", "ended", "other follow")]
    assert live == [watching[name] for name in ("follow", "here", "there", "other follow")]


def test_a_relation_that_began_again_is_live_and_known_once(watching: dict[str, Event]) -> None:
    (again,) = record_internal([to_begin(RelationKey(NEWBIE, FILM, WATCHES))])

    assert recorded.relations("default").filter(stream=watching["ended"].stream).get() == watching["ended"]
    assert recorded.live_relations("default").filter(stream=watching["ended"].stream).get() == again.event


def test_the_ends_of_relations(watching: dict[str, Event]) -> None:
    other, stranger = ResourceKey("user", "3"), ResourceKey("user", "4")

    with exactly(1):
        found = recorded.known_ends([THOAS, NEWBIE, FILM, other, stranger], "default")

    assert found == {THOAS, NEWBIE, FILM, other}
    assert recorded.known_ends([], "default") == set()


def test_the_numbers_of_each_graph(watching: dict[str, Event]) -> None:
    page = sorted([THOAS, NEWBIE, FILM])

    with exactly(2):
        followings = recorded.numbers(page, "actor_", "default")
        followers = recorded.numbers(page, "target_", "default")

    assert followings == {
        FOLLOWS: {NEWBIE: {"project": 1}, FILM: {"user": 1}},
        WATCHES: {THOAS: {"project": 1, "user": 1}, NEWBIE: {"project": 0}},
    }
    assert followers == {FOLLOWS: {FILM: {"user": 1}}, WATCHES: {NEWBIE: {"user": 1}, FILM: {"user": 1}}}
    assert recorded.numbers([], "actor_", "default") == {}


# Beside follows


@pytest.mark.parametrize("mode", ["inline", "on_commit"])
def test_another_relation_does_not_disturb_follows(
    settings: Any, mode: str, thoas: User, newbie: User, project: Project
) -> None:
    settings.SEQUERE_PROJECTION_MODES = {"follows": mode, "timelines": mode}
    from_key, to_key = keys(thoas, project)
    other = ResourceKey("user", str(newbie.pk))

    def like() -> None:
        record_internal([to_begin(RelationKey(from_key, to_key, graph)) for graph in (LIKES, LOVES)])
        record_internal([to_begin(RelationKey(one, two, LIKES)) for one, two in ((from_key, other), (other, from_key))])
        record_internal([to_end(RelationKey(from_key, to_key, LOVES))])

    def answers() -> list[Any]:
        return [
            is_following(thoas, project),
            is_following(newbie, thoas),
            get_followers_count(project),
            get_followings_count(thoas),
            get_friends_count(thoas),
            [follower for follower, _ in get_followers(project)],
        ]

    like()
    nothing = answers()
    follow(thoas, project)
    like()
    follow(thoas, newbie)
    before = answers()
    found = differences()
    report = rebuild("follows")
    unfollow(thoas, project)

    assert nothing == [False, False, 0, 0, 0, []]
    assert before == [True, False, 1, 2, 0, [thoas]]
    assert (found, report.wrong, verify("follows").wrong) == ([], 0, 0)
    assert answers() == [False, False, 0, 1, 0, []]


def test_a_like_among_its_events_is_not_a_wrong_follow(thoas: User, newbie: User, project: Project) -> None:
    """The counts of a rebuild come from the log alone."""
    follow(newbie, project)
    from_key, to_key = keys(thoas, project)
    record_internal([to_begin(RelationKey(from_key, to_key, LIKES))])

    report = rebuild("follows", restart=True)

    assert (report.wrong, get_followers_count(project), is_following(thoas, project)) == (0, 1, False)


def test_the_deletion_of_a_resource_ends_its_follows(thoas: User, newbie: User, project: Project) -> None:
    from_key, to_key = keys(thoas, project)
    follow(thoas, project)
    record_internal([to_begin(RelationKey(from_key, to_key, LIKES))])

    project.delete()

    types = list(Event.objects.order_by("id").values_list("type", flat=True))
    assert types == ["followed", "liked", "unfollowed", "deleted"]
    assert differences() == []
