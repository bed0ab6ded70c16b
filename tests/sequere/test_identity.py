"""Which resource an instance is: one for each row, whatever its class, its database, and its key in Python."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.db import connection, connections
from django.db.migrations.state import ProjectState
from django.db.models.signals import post_delete, pre_delete
from django.test import Client

import sequere
from sequere import ResourceKey
from sequere.base import ModelBase
from sequere.exceptions import (
    IdentifierTaken,
    InvalidIdentifier,
    InvalidObjectId,
    NoIdentifier,
    NotRegistered,
    UnknownIdentifier,
)
from sequere.log.recording import record_internal
from sequere.models import (
    Event,
    follow,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    is_following,
    is_following_many,
    unfollow,
    unfollow_many,
)
from sequere.registry import Registry, registry
from sequere.relations.intents import to_begin
from sequere.relations.key import RelationKey
from sequere.replay.verifying import verify
from tests.factories import FavouriteProjectFactory, ProjectFactory, StrangerFactory, UserFactory
from tests.statements import exactly
from tests.testapp.models import (
    Circle,
    Document,
    FavouriteProject,
    Invoice,
    Order,
    Package,
    Price,
    Project,
    Shape,
    Showing,
    Square,
    Stranger,
    Tag,
    Ticket,
    Ulid,
    User,
)

pytestmark = pytest.mark.django_db

PARIS = timezone(timedelta(hours=2))
NOON = datetime(2013, 10, 25, 12, tzinfo=PARIS)


# The Python value of a key


@pytest.mark.parametrize(
    ("identifier", "value"),
    [
        ("user", None),
        ("user", 1.0),
        ("user", 1.9),
        ("user", True),
        ("user", float("inf")),
        ("user", float("nan")),
        ("user", []),
        ("user", {}),
        ("user", b"1"),
        ("user", Decimal(1)),
        ("user", object()),
        ("user", "None"),
        ("user", ""),
        ("document", 7),
        ("document", None),
        ("package", None),
        ("package", 7),
        ("package", b"libc6"),
        ("price", 1.5),
        ("price", True),
        ("price", "NaN"),
        ("price", "Infinity"),
        ("price", "1e999999999"),
        ("price", "1.005"),
        ("price", "12345.6"),
        ("order", None),
        ("order", 1.5),
        ("order", "order_"),
        ("order", "order_8000000000000000"),
        ("order", "invoice_1"),
        ("showing", "noon"),
        ("showing", 0),
    ],
)
def test_what_is_not_a_key_of_its_field_names_nothing(identifier: str, value: Any) -> None:
    thoas, key = UserFactory(pk=1), ResourceKey(identifier, value)
    follow(thoas, ResourceKey("user", "2"))  # an equal key may be in a cache

    for call in (follow, unfollow, is_following):
        if call is unfollow and isinstance(value, str):
            continue  # the log may have any text
        with pytest.raises(InvalidObjectId):
            call(thoas, key)
        with pytest.raises(InvalidObjectId):
            call(key, thoas)
    with pytest.raises(InvalidObjectId):
        is_following_many(thoas, [key])
    with pytest.raises(InvalidObjectId):
        get_followers(key)
    assert Event.objects.count() == 1


@pytest.mark.parametrize("identifier", [None, 7, [], User, b"user"])
def test_an_identifier_is_a_text(identifier: Any) -> None:
    for call in (follow, unfollow):
        with pytest.raises(UnknownIdentifier):
            call(ResourceKey(identifier, "1"), ResourceKey("user", "2"))


@pytest.mark.parametrize(
    ("create", "texts"),
    [
        (lambda: Price.objects.create(amount=Decimal("1.5")), ["1.5", "1.50", "01.5", "15e-1"]),
        (lambda: Price.objects.create(amount="1.50"), ["1.5"]),
        (lambda: Price.objects.create(amount=1.5), ["1.5"]),
        (lambda: Price.objects.create(amount=100), ["100", "100.00", "1E+2"]),
        (lambda: Price.objects.create(amount=Decimal("-0.00")), ["0", "-0", "0E+999999999"]),
        (lambda: Document.objects.create(pk=UUID(int=7).hex), [str(UUID(int=7)), UUID(int=7).hex.upper()]),
        (lambda: Document.objects.create(pk=7), [str(UUID(int=7))]),
        (lambda: Project.objects.create(pk="7"), ["7", "07", " 7"]),
        (lambda: Package.objects.create(pk=7), ["7"]),
        (Order.objects.create, []),
        (lambda: Order.objects.create(pk="order_ff"), ["255", "order_ff", "order_0FF"]),
        (lambda: Order.objects.create(pk=255), ["255"]),
        (lambda: Invoice.objects.create(order=Order.objects.create(pk=255)), ["255", "order_ff"]),
        (lambda: Showing.objects.create(begins_at=NOON), ["2013-10-25T10:00:00+00:00", "2013-10-25 12:00+02:00"]),
        (lambda: Tag.objects.create(name="Film"), ["Film"]),
        (lambda: Ticket.objects.create(pk=Ulid(UUID(int=7))), [str(UUID(int=7)), UUID(int=7).hex]),
        (lambda: Ticket.objects.create(pk=UUID(int=7)), [str(UUID(int=7))]),
    ],
)
def test_equal_keys_are_one_resource(create: Any, texts: list[str]) -> None:
    """The instance that was created, the one that is loaded, and every spelling of its key."""
    thoas, created = UserFactory(), create()
    loaded = type(created).objects.get()
    key = registry.key_of(created)

    event = follow(thoas, created)
    again = [follow(thoas, one) for one in (loaded, key, *(ResourceKey(key.identifier, text) for text in texts))]

    assert event is not None
    assert (event.target, again, get_followings_count(thoas)) == (key, [None] * len(again), 1)
    assert registry.key_of(key) == key
    assert [one for one, _ in get_followings(thoas)] == [loaded]
    assert is_following(thoas, loaded)
    assert registry.stored([key]) == {key}
    unfollow(thoas, ResourceKey(key.identifier, loaded.pk))
    assert get_followings_count(thoas) == 0


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize(
    ("model", "keys"), [(Order, [255, "order_fe"]), (Price, ["1.50", 2]), (Showing, [NOON, NOON + timedelta(hours=1)])]
)
def test_a_deletion_is_recorded_whatever_the_key_is(model: Any, keys: list[Any], together: bool) -> None:
    thoas = UserFactory()
    instances = [model.objects.create(pk=key) for key in keys]
    for one in instances:
        follow(thoas, one)

    if together:
        model.objects.all().delete()
    else:
        for one in model.objects.all():
            one.delete()

    assert get_followings_count(thoas) == 0
    assert Event.objects.filter(type="deleted").count() == 2


def test_the_database_may_find_more_than_what_was_asked_for(client: Client) -> None:
    """To SQLite, "Film" and "film" are one row; they are two keys."""
    thoas = UserFactory()
    Tag.objects.create(name="Film")
    follow(thoas, ResourceKey("tag", "film"))
    follow(thoas, ResourceKey("tag", "Film"))

    followings = get_followings(thoas)

    assert ([str(one) for one, _ in followings], followings.hidden) == (["Film"], 1)
    assert registry.stored([ResourceKey("tag", "FILM")]) == set()
    assert [client.get(f"/sequere/tag/{key}/followers/").status_code for key in ("Film", "film")] == [200, 404]
    assert unfollow(thoas, ResourceKey("tag", "film"))


# The class of an instance


def test_an_instance_that_was_loaded_for_a_key_keeps_it(browser: Client, thoas: User) -> None:
    """A list shows the child of what is followed; unfollowing what it shows ends that follow."""
    circle = Circle.objects.create(name="round")
    follow(thoas, ResourceKey("shape", str(circle.pk)))

    ((shown, _),) = get_followings(thoas)

    assert type(shown) is Circle
    assert registry.key_of(shown) == ResourceKey("shape", str(circle.pk))
    assert is_following(thoas, shown)
    assert not is_following(thoas, circle)  # a resource of its own, since it is registered
    form = {"identifier": "shape", "object_id": str(circle.pk)}
    answer = browser.post("/sequere/unfollow/", form, headers={"Accept": "application/json"}).json()
    counts = {"followers_count": 0, "followings_count": 0}
    assert answer == {"changed": True, "is_following": False, "is_pending": False, **counts}
    (entry,) = _followings_of(browser, thoas, follows=shown)
    assert (entry["identifier"], entry["object_id"]) == ("shape", str(circle.pk))


def _followings_of(browser: Client, user: User, follows: Any) -> list[dict[str, Any]]:
    follow(user, follows)
    results: list[dict[str, Any]] = browser.get(f"/sequere/user/{user.pk}/followings/").json()["results"]
    return results


def test_a_copy_of_a_shown_instance_is_another_resource(thoas: User) -> None:
    circle = Circle.objects.create(name="round")
    follow(thoas, ResourceKey("shape", str(circle.pk)))
    ((shown, _),) = get_followings(thoas)

    shown.pk = shown.id = None  # type: ignore[attr-defined]
    shown.save()

    assert not is_following(thoas, shown)


def test_an_unregistered_child_is_its_registered_parent(browser: Client, thoas: User) -> None:
    for _ in range(2):
        square = Square.objects.create(name="even")
    Square.objects.filter(pk=square.pk).update(number=7)
    square = Square.objects.get(pk=7)

    follow(thoas, square)
    ((shown, _),) = get_followings(thoas)

    assert registry.key_of(square) == registry.key_of(shown) == ResourceKey("shape", str(square.shape_ptr_id))
    assert (type(shown), get_followings_count(thoas, identifier=Shape)) == (Square, 1)
    assert browser.get(f"/sequere/shape/{square.shape_ptr_id}/followers/").status_code == 200
    with pytest.raises(NotRegistered, match=r"testapp\.Square"):
        get_followings(thoas, identifier=Square)
    square.delete()
    assert get_followings_count(thoas) == 0


def test_a_proxy_has_no_kind_of_its_own(thoas: User) -> None:
    """Narrowed to it, a list would show all instances of its model."""
    follow(thoas, FavouriteProjectFactory())

    for ask in (get_followings, get_followings_count):
        with pytest.raises(NoIdentifier, match=r"^testapp\.FavouriteProject .+ testapp\.Project"):
            ask(thoas, identifier=FavouriteProject)


def test_a_historical_model_is_the_registered_model(thoas: User, project: Project) -> None:
    """As in a data migration."""
    historical = ProjectState.from_apps(apps).apps
    old_user, old_project, old_shape = (historical.get_model("testapp", name) for name in ("User", "Project", "Shape"))

    follow(old_user.objects.get(pk=thoas.pk), old_project.objects.get(pk=project.pk))

    assert is_following(thoas, project)
    assert get_followers_count(old_project.objects.get(), identifier=old_user) == 1
    square = Square.objects.create(name="even")
    follow(thoas, historical.get_model("testapp", "Square").objects.get())
    assert is_following(thoas, square)
    assert registry.key_of(old_shape.objects.get()) == registry.key_of(square)


# The name of a model


@contextmanager
def calling_it(name: str, *others: str) -> Iterator[None]:
    """Register Stranger under other names."""

    class Options(ModelBase):
        identifier = name
        aliases = others

    if any(options.model is Stranger for options in registry):
        sequere.unregister(Stranger)
    sequere.register(Stranger, Options)
    yield
    sequere.unregister(Stranger)


def warnings() -> list[str]:
    return [message.msg for message in run_checks(databases=["default"]) if message.id == "sequere.W006"]


def test_a_renamed_model_is_noticed_and_can_keep_its_name(thoas: User) -> None:
    stranger = StrangerFactory()
    with calling_it("stranger"):
        follow(thoas, stranger)
        follow(stranger, thoas)
        assert warnings() == []

    with calling_it("alien"):
        (message,) = warnings()
        assert "events about 'stranger'" in message
        assert not is_following(thoas, stranger)

    with calling_it("stranger"):
        assert (is_following(thoas, stranger), get_followings(thoas).hidden) == (True, 0)


def test_what_is_in_the_log_under_an_alias_is_shown_and_can_be_ended(browser: Client, thoas: User) -> None:
    stranger, other = StrangerFactory.create_batch(2)
    with calling_it("stranger"):
        follow(thoas, stranger)
        follow(other, thoas)
        follow(stranger, other)

    with calling_it("alien", "stranger"):
        assert warnings() == []
        ((shown, _),) = get_followings(thoas)
        assert (shown, is_following(thoas, shown), is_following(thoas, stranger)) == (stranger, True, False)
        assert [entry["identifier"] for entry in _followings_of(browser, thoas, follows=stranger)] == [
            "alien",
            "stranger",
        ]
        assert unfollow(thoas, shown)
        assert get_followings_count(thoas, identifier="stranger") == 0
        key = registry.key_of(stranger)
        with exactly(1):
            assert registry.load([key])[key] == stranger
        Stranger.objects.all().delete()
        assert (get_followers_count(thoas), get_followings_count(thoas)) == (0, 0)
    assert verify("follows").wrong == 0


def test_any_key_can_be_unfollowed(browser: Client, thoas: User) -> None:
    """Also one whose model is registered no longer, or has keys of another type."""
    with calling_it("alien"):
        for number in range(1, 4):
            follow(thoas, ResourceKey("alien", str(number)))
            follow(ResourceKey("alien", str(number)), thoas)
    record_internal([to_begin(RelationKey(registry.key_of(thoas), ResourceKey("document", "7")))])

    assert unfollow(thoas, ResourceKey("alien", "1"))
    assert unfollow(thoas, ResourceKey("document", "7"))
    assert unfollow_many((ResourceKey("alien", str(number)), thoas) for number in range(1, 4)) == 3
    form = {"identifier": "alien", "object_id": "2"}
    answers = [browser.post("/sequere/unfollow/", form, headers={"Accept": "application/json"}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 404]
    assert answers[0].json()["changed"]
    assert (get_followings_count(thoas), get_followers_count(thoas)) == (1, 0)
    with pytest.raises(UnknownIdentifier):
        follow(thoas, ResourceKey("alien", "1"))
    for nonsense in ("", "al:ien", "a" * 51):
        with pytest.raises(UnknownIdentifier):
            unfollow(thoas, ResourceKey(nonsense, "1"))
    for nonsense in ("\x00", "\ud800", "1" * 256):
        with pytest.raises(UnknownIdentifier):
            unfollow(thoas, ResourceKey("alien", nonsense))


def test_a_name_belongs_to_one_model() -> None:
    class Film(ModelBase):
        aliases = ("projet", "user")

    class Wrong(ModelBase):
        aliases = ("two words",)

    own = Registry()
    own.register(User)

    with pytest.raises(IdentifierTaken, match=r"'user' of testapp\.Project belongs to testapp\.User"):
        own.register(Project, Film)
    with pytest.raises(InvalidIdentifier, match="'two words'"):
        own.register(Project, Wrong)

    class Twice(ModelBase):
        aliases = "projet", "project", "projet"

    class Text(ModelBase):
        aliases = "film"

    for options, names in ((Twice, {"project", "projet"}), (Text, {"project", "film"})):
        own.register(Project, options)
        assert {*own.named_models()} == {"user", *names}
        own.unregister(Project)
    own.unregister(User)
    own.register(Project, Film)
    with pytest.raises(IdentifierTaken):
        own.register(User)
    assert {*own.named_models()} == {"project", "projet", "user"}


# The database of an instance


class ArchiveRouter:
    """Old projects are in another database, as a router that shards does; copies of others are there, too."""

    def db_for_write(self, model: type[Any], instance: Any = None, **_: Any) -> str | None:
        return "archive" if instance is not None and getattr(instance, "name", "") == "old" else None


@pytest.fixture
def archive() -> Iterator[None]:
    """A connection to another database, which commits at once."""
    connections["archive"] = connection.copy(alias="archive")
    yield
    connections["archive"].close()
    del connections["archive"]


@pytest.mark.parametrize("together", [False, True])
def test_the_deletion_of_a_copy_ends_nothing(archive: None, thoas: User, settings: Any, together: bool) -> None:
    settings.DATABASE_ROUTERS = [f"{__name__}.ArchiveRouter"]
    copies, old = ProjectFactory.create_batch(2), ProjectFactory(name="old")
    for one in (*copies, old):
        follow(thoas, one)

    for signal in (pre_delete, post_delete):  # as Django sends them
        origin = Project.objects.none() if together else None
        for one in (*copies, old):
            signal.send(sender=Project, instance=one, using="archive", origin=origin)

    assert [str(event.target) for event in Event.objects.filter(type="unfollowed")] == [f"project:{old.pk}"]
