"""The keyword arguments of an action: kept as they are, or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from sequere.contrib.timeline import Action, Timeline
from sequere.exceptions import InvalidEventData
from sequere.log.models import Event
from sequere.models import follow
from tests.factories import ProjectFactory, UserFactory
from tests.testapp.sequere_registry import JoinAction, UserSequere

KWARGS = {
    "note": "à voir ☃ \\u0000 'quoted' \"twice\"",
    "stars": 5,
    "ratio": 0.25,
    "seen": True,
    "nothing": None,
    "tags": ["film", ["nested", {}]],
    "by": {"name": "Michel Hazanavicius", "year": 1993},
    "große": -(2**70),
}


@pytest.mark.django_db
def test_kwargs_come_back():
    thoas, newbie = UserFactory.create_batch(2)
    follow(newbie, thoas)

    Timeline(thoas).save(JoinAction(actor=thoas, **KWARGS))

    for saved in (Timeline(thoas).get_public()[0], Timeline(newbie).get_private()[0]):
        assert saved.kwargs == KWARGS


@pytest.mark.django_db
def test_an_action_without_kwargs_has_none():
    thoas = UserFactory()

    Timeline(thoas).save(JoinAction(actor=thoas))

    assert Timeline(thoas).get_public()[0].kwargs == {}


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(float("nan"), id="nan"),
        pytest.param(float("inf"), id="infinity"),
        pytest.param("a\x00b", id="nul"),
        pytest.param({"a\x00b": 1}, id="nul in a key"),
        pytest.param("\\\x00", id="nul after a backslash"),
        pytest.param((1, 2), id="tuple"),
        pytest.param([{"deep": (1,)}], id="tuple inside"),
        pytest.param({1: "one"}, id="int key"),
        pytest.param({None: "one"}, id="None as a key"),
        pytest.param("\ud800", id="lone surrogate"),
        pytest.param({"\udfff": 1}, id="lone surrogate in a key"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param({1, 2}, id="set"),
        pytest.param(object(), id="object"),
    ],
)
@pytest.mark.django_db
def test_a_value_that_would_not_come_back_is_refused(value):
    thoas = UserFactory()
    action = JoinAction(actor=thoas, value=value)

    with pytest.raises(InvalidEventData, match="keyword arguments"):
        Timeline(thoas).save(action)

    assert action.uid is None
    assert not Event.objects.exists()
    assert Timeline(thoas).get_private() == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(-1e15, 1e15) | st.text(st.characters(codec=None)),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)


class AnyValueTest(TestCase):
    @given(value=json_values)
    def test_a_value_is_refused_or_comes_back(self, value):
        thoas = UserFactory()

        try:
            Timeline(thoas).save(JoinAction(actor=thoas, value=value))
        except InvalidEventData:
            assert not Event.objects.exists()
        else:
            assert [action.kwargs for action in Timeline(thoas).get_public()] == [{"value": value}]


@pytest.mark.parametrize("value", [1e15, 1e22, 1e23, 1.3665621681833611e17, 1.7976931348623157e308, 5e-324])
@pytest.mark.django_db
def test_a_very_large_or_small_number_is_refused_or_comes_back(value):
    """PostgreSQL keeps 1e23 as that integer, which is not the number that Python has."""
    thoas, project = UserFactory(), ProjectFactory()
    action = JoinAction(actor=thoas, value=value)

    try:
        Timeline(thoas).save(action)
    except InvalidEventData:
        assert not Event.objects.exists()
    else:
        (saved,) = Timeline(thoas).get_public()
        assert saved.kwargs == {"value": value}
        assert Timeline(project).save(saved).version == 2
        assert Timeline(thoas).save(action) is None


@pytest.mark.django_db
def test_a_subclass_may_take_arguments_that_are_not_kept(monkeypatch):
    """It comes back without a call of its __init__."""

    class InviteAction(Action):
        verb = "invite"

        def __init__(self, actor, target, secret):
            super().__init__(actor, target, guests=len(secret))

    monkeypatch.setattr(UserSequere, "actions", (*UserSequere.actions, InviteAction))
    thoas, newbie = UserFactory.create_batch(2)
    Timeline(thoas).save(InviteAction(thoas, newbie, "hush"))

    (saved,) = Timeline(thoas).get_public()

    assert (type(saved), saved.target, saved.kwargs) == (InviteAction, newbie, {"guests": 4})
