"""Sample data: people who follow each other, and two months of activity."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from django.db import transaction
from django.utils import timezone

from example_project.community import likes
from example_project.community.demo_user import get_or_create_demo_user
from example_project.community.models import Project, User
from example_project.community.sample.notes import NOTES
from example_project.community.sample.people import FOLLOWED_BY_DEMO, FOLLOWERS_OF_DEMO, PEOPLE
from example_project.community.sample.projects import PROJECTS
from example_project.community.sequere_registry import (
    JoinAction,
    LikeAction,
    NoteAction,
    ReleaseAction,
    StartAction,
)
from sequere.contrib.timeline import Action, Timeline
from sequere.models import follow_many

FOLLOWED_PEOPLE = 7
FOLLOWED_PROJECTS = 4
LIKED_PROJECTS = 2


def is_filled() -> bool:
    """Whether the sample was filled in; all people are created at once."""
    return User.objects.filter(username__in=[login for login, *_ in PEOPLE]).count() == len(PEOPLE)


@transaction.atomic
def fill() -> None:
    """Create all people, follows and actions; the last action has just happened.

    Existing users with the same names take part as they are.
    """
    random = Random(2013)  # the same site each time
    people = {login: _person(login, *names) for login, *names in PEOPLE}
    now = timezone.now()
    since = now - timedelta(days=60)
    demo = get_or_create_demo_user(since)
    if not demo.get_full_name():
        demo.first_name, demo.last_name, demo.about = "Camille", "Moreau", "Looks around."
        demo.save(update_fields=["first_name", "last_name", "about"])
    projects = {name: _project(people[owner], name, about) for owner, name, about, _ in PROJECTS}
    follow_many(_follows(random, [*people.values()], [*projects.values()], since))
    chosen = [*(people[login] for login in FOLLOWED_BY_DEMO), *random.sample([*projects.values()], FOLLOWED_PROJECTS)]
    demo.follow_many(chosen)
    follow_many((people[login], demo) for login in FOLLOWERS_OF_DEMO)
    for action in sorted(_actions(random, people, projects, now), key=lambda action: action.date):
        if isinstance(action, LikeAction):
            likes.save(action)
        else:
            Timeline(action.actor).save(action)
    Timeline(demo).mark_as_read(now - timedelta(hours=14))


def _person(login: str, first_name: str, last_name: str, about: str) -> User:
    names = {"first_name": first_name, "last_name": last_name, "about": about}
    return User.objects.get_or_create(username=login, defaults=names)[0]


def _project(owner: User, name: str, about: str) -> Project:
    return Project.objects.get_or_create(name=name, defaults={"about": about, "owner": owner})[0]


def _follows(
    random: Random, people: list[User], projects: list[Project], since: datetime
) -> Iterator[tuple[User, User | Project, datetime]]:
    """Some people follow many, and some are followed by many."""
    for number, person in enumerate(people):
        others = [other for other in people if other != person]
        weights = [len(people) / (1 + index) for index in range(len(others))]
        chosen = [*random.choices(others, weights, k=FOLLOWED_PEOPLE), *random.sample(projects, FOLLOWED_PROJECTS)]
        for one in dict.fromkeys(chosen):
            yield person, one, since + timedelta(hours=number + random.random() * 24 * 50)


def _actions(random: Random, people: dict[str, User], projects: dict[str, Project], now: datetime) -> Iterator[Action]:
    """The actions of the last two months, the newest a few minutes ago."""
    for number, person in enumerate(people.values()):
        joined = now - timedelta(days=60 - number, minutes=random.randrange(1440))
        yield JoinAction(actor=person, date=joined)
        for project in random.sample([*projects.values()], LIKED_PROJECTS):
            yield LikeAction(actor=person, target=project, date=now - timedelta(hours=random.uniform(1, 24 * 20)))
    for number, (owner, name, _, releases) in enumerate(PROJECTS):
        started = now - timedelta(days=32 - number, minutes=random.randrange(1440))
        yield StartAction(actor=people[owner], target=projects[name], date=started)
        for back, (version, text) in enumerate(reversed(releases)):
            date = now - timedelta(days=back * 8, hours=random.uniform(2, 150))
            yield ReleaseAction(actor=projects[name], version=version, text=text, date=date)
    for back, (login, text) in enumerate(reversed(NOTES)):
        age = timedelta(minutes=4 + 35 * back + 25 * back**1.9)
        yield NoteAction(actor=people[login], text=text, date=now - age)
