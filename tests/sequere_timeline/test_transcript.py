"""The transcript of the documentation, step by step.

Ours differs in two ways. Timelines are newest first; the documentation prints them oldest first, which is
`desc=False` here. And datetimes are aware, as Django's own fields give them, where it prints naive ones.
"""

import pytest
from django.utils import timezone

from sequere.contrib.timeline import Timeline
from sequere.models import (
    follow,
    get_followers,
    get_followers_count,
    get_followings,
    get_followings_count,
    is_following,
    unfollow,
)
from tests.testapp.models import Project, User
from tests.testapp.sequere_registry import JoinAction, LikeAction

pytestmark = pytest.mark.django_db


def test_thoas_follows_la_classe_americaine():
    user = User.objects.create(username="thoas")
    project = Project.objects.create(name="La classe americaine")

    event = follow(user, project)

    since = event.occurred_at
    assert timezone.is_aware(since)
    assert is_following(user, project) is True
    assert get_followers_count(project) == 1
    assert get_followings_count(user) == 1
    assert repr(get_followers(user)) == "[]"
    assert repr(get_followers(project)) == f"[(<User: thoas>, {since!r})]"
    assert repr(get_followings(user)) == f"[(<Project: La classe americaine>, {since!r})]"


def test_thoas_follows_la_classe_americaine_with_the_methods_of_the_mixin():
    user = User.objects.create(username="thoas")
    project = Project.objects.create(name="La classe americaine")

    event = user.follow(project)

    since = event.occurred_at
    assert user.is_following(project) is True
    assert project.get_followers_count() == 1
    assert user.get_followings_count() == 1
    assert repr(user.get_followers()) == "[]"
    assert repr(project.get_followers()) == f"[(<User: thoas>, {since!r})]"
    assert repr(user.get_followings()) == f"[(<Project: La classe americaine>, {since!r})]"


def test_thoas_joins_newbie_follows_and_unfollows_thoas_and_thoas_likes_la_classe_americaine():
    """The whole story of the timeline, with the default database backends and nothing else set up."""
    thoas = User.objects.create(username="thoas")
    project = Project.objects.create(name="La classe americaine")
    timeline = Timeline(thoas)

    timeline.save(JoinAction(actor=thoas))

    assert repr(timeline.get_private()) == "[<JoinAction: thoas join>]"
    assert repr(timeline.get_public()) == "[<JoinAction: thoas join>]"

    newbie = User.objects.create(username="newbie")
    follow(newbie, thoas)

    assert repr(Timeline(newbie).get_private()) == "[<JoinAction: thoas join>]"
    assert repr(Timeline(newbie).get_public()) == "[]"

    unfollow(newbie, thoas)

    assert repr(Timeline(newbie).get_private()) == "[]"

    timeline = Timeline(thoas)
    timeline.save(LikeAction(actor=thoas, target=project))

    like, join = "<LikeAction: thoas like La classe americaine>", "<JoinAction: thoas join>"
    assert repr(timeline.get_private()) == f"[{like}, {join}]"
    assert repr(timeline.get_private(desc=False)) == f"[{join}, {like}]"
    assert repr(timeline.get_private(target=Project)) == f"[{like}]"
    assert repr(timeline.get_private(target="project")) == f"[{like}]"
