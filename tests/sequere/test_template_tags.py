"""The template tags and filters."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import Context, Template
from django.test import RequestFactory

from sequere.exceptions import NotRegistered
from sequere.models import follow, follow_many, get_followings
from tests.factories import ProfileFactory, ProjectFactory, StrangerFactory, UserFactory
from tests.statements import exactly
from tests.testapp.models import Project, User

pytestmark = pytest.mark.django_db


def render(template: str, **context: Any) -> str:
    return Template("{% load sequere %}" + template).render(Context(context))


def test_counts(thoas: User, project: Project) -> None:
    """A count is of the kind that the template names."""
    newbie = UserFactory()
    follow_many([(thoas, project), (newbie, project), (thoas, newbie), (newbie, thoas), (project, thoas)])

    counts = render(
        "{{ project|followers_count }} {{ project|followers_count:'user' }} {{ project|followers_count:'project' }} "
        "{{ thoas|followings_count }} {{ thoas|followings_count:'user' }} {{ thoas|friends_count }} "
        "{{ thoas|friends_count:'project' }}",
        thoas=thoas,
        project=project,
    )

    assert counts == "2 2 0 2 1 2 1"


def test_names(project: Project) -> None:
    assert render("{{ project|identifier }}:{{ project|object_id }}", project=project) == f"project:{project.pk}"


def test_is_following(thoas: User, project: Project) -> None:
    follow(thoas, project)
    question = "{% if user|is_following:project %}yes{% else %}no{% endif %}"

    answers = [render(question, user=user, project=project) for user in (thoas, UserFactory(), AnonymousUser(), None)]

    assert answers == ["yes", "no", "no", "no"]


def test_a_button_follows_or_unfollows(thoas: User, project: Project) -> None:
    request = RequestFactory().get("/projects/", {"page": 2})
    context = {"user": thoas, "request": request, "project": project, "csrf_token": "a token"}

    before = render("{% follow_button project %}", **context)
    follow(thoas, project)
    after = render("{% follow_button project %}", **context)

    assert 'action="/sequere/follow/"' in before
    assert 'aria-label="Follow La classe americaine"' in before
    assert f'name="object_id" value="{project.pk}"' in before
    assert 'name="next" value="/projects/?page=2"' in before
    assert 'name="csrfmiddlewaretoken" value="a token"' in before
    assert 'action="/sequere/unfollow/"' in after
    assert 'aria-label="Following La classe americaine: unfollow"' in after


def test_an_anonymous_visitor_gets_a_follow_button(project: Project) -> None:
    with exactly(0):
        html = render("{% follow_button project %}", user=AnonymousUser(), project=project)

    assert 'action="/sequere/follow/"' in html


def test_a_button_is_for_the_visitor_also_on_a_page_about_another_user(thoas: User) -> None:
    """A DetailView of users passes the user it shows as `user`."""
    request, newbie = RequestFactory().get("/"), UserFactory()
    request.user = newbie
    follow(newbie, thoas)

    html = render(
        "{% prefetch_following people %}{% follow_button user %}", user=thoas, request=request, people=[thoas]
    )

    assert 'action="/sequere/unfollow/"' in html


def test_there_is_no_button_for_oneself(thoas: User) -> None:
    assert render("{% follow_button user %}", user=thoas).strip() == ""


class TokenUser:
    """What a token says of a user: not an instance of any model, as with simplejwt."""

    is_authenticated = True
    pk = id = "7"


PAGE = (
    "{% prefetch_following projects %}{% for one in projects %}{% follow_button one %}{% endfor %}"
    "{{ user|is_following:projects.0 }}{% timeline user private=True %}"
)


@pytest.mark.parametrize("who", ["a user", "a token"])
@pytest.mark.usefixtures("without_users")
def test_a_user_who_is_not_a_resource_gets_no_button(thoas: User, rf: RequestFactory, who: str) -> None:
    request = rf.get("/")
    request.user = thoas if who == "a user" else TokenUser()

    html = render(PAGE, user=request.user, request=request, projects=ProjectFactory.create_batch(2))

    assert "<form" not in html
    assert "False" in html


def test_a_profile_follows_what_it_follows(thoas: User, project: Project) -> None:
    """Although a profile has no is_authenticated."""
    profile = ProfileFactory(user=thoas)
    follow(profile, project)

    assert render("{{ profile|is_following:project }}", profile=profile, project=project) == "True"
    assert render("{{ nobody|is_following:project }}", project=project) == "False"
    with pytest.raises(NotRegistered):
        render("{{ stranger|is_following:project }}", stranger=StrangerFactory(), project=project)


def test_buttons_are_for_the_follower_of_the_request(thoas: User, rf: RequestFactory, as_a_profile: Any) -> None:
    """Who is asked for once, however many buttons a page has."""
    profile, projects = ProfileFactory(user=thoas), ProjectFactory.create_batch(3)
    follow(profile, projects[0])
    request = rf.get("/")
    request.user = User.objects.get(pk=thoas.pk)

    with exactly(3):
        html = render(PAGE.partition("{{")[0], request=request, projects=[*projects, profile])

    assert (html.count("/sequere/unfollow/"), html.count("/sequere/follow/")) == (1, 2)
    request.user = UserFactory()  # without a profile
    assert "<form" not in render(PAGE, request=request, user=request.user, projects=projects)
    request.user = AnonymousUser()
    assert render(PAGE, request=request, user=request.user, projects=projects).count("/sequere/follow/") == 3


def test_a_name_is_escaped(thoas: User) -> None:
    bad = ProjectFactory(name='"><script>alert(1)</script>')

    assert "<script>" not in render("{% follow_button project %}", user=thoas, project=bad)


@pytest.mark.parametrize("of", ["instances", "pairs"])
def test_a_page_of_buttons_costs_two_queries(thoas: User, of: str) -> None:
    projects = ProjectFactory.create_batch(25)
    follow_many((thoas, project) for project in projects[:5])
    newbie = UserFactory()
    follow_many((newbie, project) for project in projects)
    objects = projects if of == "instances" else list(get_followings(newbie))
    one = "object" if of == "instances" else "object.0"
    page = "{% prefetch_following objects %}{% for object in objects %}{% follow_button " + one + " %}{% endfor %}"

    with exactly(2):
        html = render(page, user=thoas, objects=objects)

    assert (html.count("/sequere/unfollow/"), html.count("/sequere/follow/")) == (5, 20)
