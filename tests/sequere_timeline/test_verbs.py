"""Action classes are registered with the models that perform them, each under a verb of its own."""

import pytest

from sequere.contrib.timeline import Action, Timeline, get_actions
from sequere.log.models import Event
from sequere_timeline.exceptions import ActionNotRegistered, InvalidVerb, NoAction, VerbTaken
from tests.factories import ProjectFactory, UserFactory
from tests.testapp.sequere_registry import JoinAction, LikeAction, ProjectSequere, UserSequere


class ShareAction(Action):
    verb = "share"


def test_get_actions_names_the_classes_by_their_verbs():
    assert get_actions() == {"join": JoinAction, "like": LikeAction}


def test_a_class_registered_later_is_found(monkeypatch):
    """The answer is not cached."""
    assert "share" not in get_actions()

    monkeypatch.setattr(ProjectSequere, "actions", (ShareAction,))

    assert get_actions() == {"join": JoinAction, "like": LikeAction, "share": ShareAction}


def test_two_models_may_perform_the_same_action(monkeypatch):
    monkeypatch.setattr(ProjectSequere, "actions", (LikeAction,))

    assert get_actions() == {"join": JoinAction, "like": LikeAction}


def test_two_classes_cannot_have_one_verb(monkeypatch):
    """One does not silently replace the other."""

    class LikeToo(Action):
        verb = "like"

    monkeypatch.setattr(ProjectSequere, "actions", (LikeToo,))

    with pytest.raises(VerbTaken, match=r"LikeToo has the verb 'like', which belongs to .*LikeAction"):
        get_actions()


@pytest.mark.parametrize("verb", ["", None, 42, "x" * 256])
def test_a_verb_is_a_text_of_1_to_255_characters(monkeypatch, verb):
    action = type("OddAction", (Action,), {"verb": verb})
    monkeypatch.setattr(UserSequere, "actions", (action,))

    with pytest.raises(InvalidVerb, match="OddAction"):
        get_actions()


@pytest.mark.django_db
def test_a_verb_may_have_255_characters(monkeypatch):
    action = type("LongAction", (Action,), {"verb": "x" * 255})
    monkeypatch.setattr(UserSequere, "actions", (action,))
    thoas = UserFactory()

    Timeline(thoas).save(action(actor=thoas))

    assert [type(saved) for saved in Timeline(thoas).get_private()] == [action]


@pytest.mark.parametrize(
    "cls", [Action, ShareAction, type("JoinTwin", (JoinAction,), {})], ids=["Action", "unknown verb", "known verb"]
)
@pytest.mark.django_db
def test_only_registered_actions_are_saved(cls):
    """The last one would come back as a JoinAction."""
    thoas = UserFactory()

    with pytest.raises(ActionNotRegistered, match="add it to the `actions` of a ModelBase"):
        Timeline(thoas).save(cls(actor=thoas))

    assert not Event.objects.exists()


@pytest.mark.parametrize("other", ["join", JoinAction, None], ids=["a verb", "a class", "None"])
@pytest.mark.django_db
def test_only_actions_are_saved(other):
    with pytest.raises(NoAction, match="pass an instance of a subclass of Action"):
        Timeline(UserFactory()).save(other)

    assert not Event.objects.exists()


@pytest.mark.django_db
def test_an_action_without_its_class_is_shown_as_a_plain_action_with_its_verb(monkeypatch):
    """An unknown verb does not break the page."""
    thoas, project = UserFactory(username="thoas"), ProjectFactory(name="La classe americaine")
    monkeypatch.setattr(UserSequere, "actions", (JoinAction, LikeAction, ShareAction))
    Timeline(thoas).save(ShareAction(actor=thoas, target=project, note="à voir"))
    Timeline(thoas).save(JoinAction(actor=thoas))

    monkeypatch.setattr(UserSequere, "actions", (JoinAction, LikeAction))

    join, share = Timeline(thoas).get_private()
    assert repr([join, share]) == "[<JoinAction: thoas join>, <Action: thoas share La classe americaine>]"
    assert (share.verb, share.kwargs, Action.verb) == ("share", {"note": "à voir"}, "")
    assert Timeline(thoas).get_private(action="share") == [share]

    Timeline(thoas).delete(share)

    assert Timeline(thoas).get_private() == [join]
