"""Querysets of the host cannot join what is in Redis."""

import pytest

from sequere import querysets
from sequere.exceptions import NotSupported, TooManyIds
from sequere.models import follow
from sequere.querysets import followed_by, followers_count, follows, most_followed, with_following
from tests.factories import ProjectFactory
from tests.redis.counting import round_trips
from tests.statements import exactly
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db(transaction=True)


def test_conditions_take_ids(thoas: User, newbie: User, project: Project) -> None:
    ProjectFactory()
    follow(thoas, project)
    follow(thoas, newbie)
    list(Project.objects.filter(followed_by(thoas)))  # the first read asks for the log

    with exactly(1), round_trips(2):
        assert list(Project.objects.filter(followed_by(thoas))) == [project]

    assert list(User.objects.filter(follows(project))) == [thoas]
    assert Project.objects.exclude(followed_by(thoas)).count() == 1
    assert list(Project.objects.filter(followed_by(newbie))) == []


def test_too_many_ids_are_refused(thoas: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(querysets, "MAX_IDS", 2)
    for _ in range(3):
        follow(thoas, ProjectFactory())

    with pytest.raises(TooManyIds, match=r"SEQUERE_BACKEND is .*RedisBackend.*get_followings\(\)"):
        list(Project.objects.filter(followed_by(thoas)))


def test_annotations_name_the_setting(thoas: User) -> None:
    for queryset, remedy in (
        (Project.objects.annotate(n=followers_count()), "get_followers_count"),
        (Project.objects.annotate(mine=with_following(thoas)), "is_following_many"),
        (most_followed(Project), "get_followers_count"),
    ):
        with pytest.raises(NotSupported, match=f"SEQUERE_BACKEND is .*RedisBackend.*{remedy}"):
            list(queryset)
