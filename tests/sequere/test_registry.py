"""register(), unregister(), and how the registry treats models and identifiers."""

from typing import Any

import pytest
from django.contrib.auth.models import User as SwappedUser
from django.db import models

import sequere
from sequere.backends.base import BaseBackend
from sequere.base import ModelBase, ResourceKey
from sequere.exceptions import (
    AlreadyRegistered,
    IdentifierTaken,
    InvalidIdentifier,
    NotRegistered,
    NotRegistrable,
    UnknownIdentifier,
)
from sequere.models import Shard, follow, get_followings, get_followings_count, is_following
from sequere.registry import Registry, registry
from tests.factories import ProfileFactory, StrangerFactory, UserFactory
from tests.statements import exactly
from tests.testapp.models import BigProject, FavouriteProject, Named, Profile, Project, Stranger, User


class ProjectSequere(ModelBase):
    identifier = "projet"  # the french way ;)


def calling_it(name: Any) -> type[ModelBase]:
    class Options(ModelBase):
        identifier = name

    return Options


def test_every_sequere_registry_of_an_installed_app_is_imported() -> None:
    identifiers = {options.get_identifier() for options in registry}

    assert identifiers >= {"user", "project", "document", "package", "star", "profile", "basket", "article"}


def test_an_identifier_is_the_name_of_the_model_by_default() -> None:
    own = Registry()

    own.register(Project)
    own.register(User, ModelBase)

    assert [options.get_identifier() for options in own] == ["project", "user"]


def test_a_model_may_have_an_identifier_of_its_own() -> None:
    own = Registry()

    own.register(Project, ProjectSequere)

    assert (own.identifier_of(Project), own.identifier_of("projet")) == ("projet", "projet")


def test_an_identifier_may_be_computed() -> None:
    class Labelled(ModelBase):
        def get_identifier(self) -> str:
            return self.model._meta.label_lower.replace(".", "_")

    own = Registry()

    own.register(Project, Labelled)

    assert own.identifier_of(Project) == "testapp_project"


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (Named, "it is abstract"),
        (FavouriteProject, "it is a proxy of testapp.Project"),
        (SwappedUser, "it is swapped out for testapp.User"),
        (Shard, "it is keyed by several columns"),
    ],
)
def test_a_model_without_instances_of_its_own_cannot_be_registered(model: type[models.Model], reason: str) -> None:
    with pytest.raises(NotRegistrable, match=f"because {reason}: register a concrete model"):
        Registry().register(model)


def test_a_model_cannot_be_registered_twice() -> None:
    own = Registry()
    own.register(Project)

    with pytest.raises(AlreadyRegistered, match=r"testapp\.Project is already registered: remove one of the two"):
        own.register(Project, ProjectSequere)

    assert own.identifier_of(Project) == "project"


def test_two_models_cannot_share_an_identifier() -> None:
    """The second one does not silently replace the first."""
    own = Registry()
    own.register(Project)

    with pytest.raises(IdentifierTaken, match=r"'project' of testapp\.Stranger belongs to testapp\.Project"):
        own.register(Stranger, calling_it("project"))

    assert [options.model for options in own] == [Project]
    with pytest.raises(NotRegistered):
        own.identifier_of(Stranger)


@pytest.mark.parametrize("identifier", ["", "two words", "a:b", "a-b", "1st", "p" * 51, 42, True])
def test_an_identifier_is_a_python_identifier_of_at_most_50_characters(identifier: Any) -> None:
    """Length, emptiness and separators are checked: no two pairs can share a key."""
    own = Registry()

    with pytest.raises(
        InvalidIdentifier, match=r"cannot be the identifier of testapp\.Project: use a Python identifier"
    ):
        own.register(Project, calling_it(identifier))

    assert list(own) == []


@pytest.mark.parametrize("identifier", ["p", "p" * 50, "projet_2", "équipe"])
def test_these_are_identifiers(identifier: str) -> None:
    own = Registry()

    own.register(Project, calling_it(identifier))

    assert own.identifier_of(Project) == identifier


def test_an_unregistered_model_is_forgotten_under_both_names() -> None:
    own = Registry()
    own.register(Project)

    own.unregister(Project)

    assert list(own) == []
    with pytest.raises(NotRegistered):
        own.identifier_of(Project)
    with pytest.raises(UnknownIdentifier):
        own.identifier_of("project")


def test_an_unregistered_model_can_be_registered_again() -> None:
    own = Registry()
    own.register(Project)
    own.unregister(Project)

    own.register(Project, ProjectSequere)

    assert own.identifier_of(Project) == "projet"


@pytest.mark.parametrize("model", [Stranger, "project"])
def test_only_a_registered_model_can_be_unregistered(model: Any) -> None:
    """A name does not end in a KeyError."""
    own = Registry()
    own.register(Project)

    with pytest.raises(NotRegistered):
        own.unregister(model)


@pytest.mark.parametrize("model", [Stranger, BigProject])
def test_an_unregistered_model_has_no_identifier(model: type[models.Model]) -> None:
    """It is not None, with which reads would answer 0 or False."""
    with pytest.raises(NotRegistered) as caught:
        registry.identifier_of(model)

    assert str(caught.value) == (
        f"testapp.{model.__name__} is not registered: add sequere.register({model.__name__})"
        " to the sequere_registry.py of its app."
    )


def test_an_unknown_identifier_is_answered_with_the_known_ones() -> None:
    own = Registry()
    own.register(User)
    own.register(Project, ProjectSequere)

    with pytest.raises(UnknownIdentifier) as caught:
        own.identifier_of("project")

    assert str(caught.value) == "No registered model has the identifier 'project': use one of projet, user."


def test_a_model_registered_late_takes_part_at_once(thoas: User, registered_stranger: type[Stranger]) -> None:
    stranger = StrangerFactory()

    follow(thoas, stranger)

    assert is_following(thoas, stranger)


def test_an_unregistered_model_is_hidden_from_lists_and_stays_counted(
    thoas: User, registered_stranger: type[Stranger]
) -> None:
    follow(thoas, StrangerFactory())

    sequere.unregister(Stranger)

    followings = get_followings(thoas)
    assert (list(followings), followings.hidden, get_followings_count(thoas)) == ([], 1, 1)


def test_a_renamed_identifier_breaks_no_list(thoas: User, registered_stranger: type[Stranger]) -> None:
    """Its follows are hidden."""
    stranger = StrangerFactory()
    follow(thoas, stranger)
    sequere.unregister(Stranger)

    sequere.register(Stranger, calling_it("alien"))

    followings = get_followings(thoas)
    assert (list(followings), followings.hidden) == ([], 1)
    assert not is_following(thoas, stranger)


@pytest.mark.django_db
def test_instances_are_loaded_as_the_host_says() -> None:
    class ProfileSequere(ModelBase):
        def get_queryset(self) -> models.QuerySet[Any]:
            return super().get_queryset().select_related("user")

    own = Registry()
    own.register(Profile, ProfileSequere)
    profile = ProfileFactory(user=UserFactory(username="thoas"))

    with exactly(1):
        loaded = own.load([own.key_of(profile)])
        usernames = [instance.user.username for instance in loaded.values()]  # type: ignore[attr-defined]

    assert usernames == ["thoas"]


@pytest.mark.django_db
def test_deleted_and_unknown_resources_are_not_loaded() -> None:
    thoas = UserFactory(username="thoas")
    key = registry.key_of(thoas)

    loaded = registry.load([key, ResourceKey("user", "999999999"), ResourceKey("nobody", "1")])

    assert loaded == {key: thoas}


def test_a_backend_answers_every_question() -> None:
    """Friends and times included."""
    assert BaseBackend.__abstractmethods__ == {
        "live_among",
        "related",
        "related_keys",
        "common",
        "counts",
        "suggestions",
        "count",
        "follower_page",
        "reset",
    }
