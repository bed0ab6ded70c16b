"""Questions about everybody at once, which only the tables of the database backend answer."""

from django.db.models import Sum

from example_project.community.models import Project
from sequere.backends.database.models import Follow, FollowCount
from sequere.contrib.timeline import Action
from sequere.registry import registry
from sequere.resources import is_
from sequere_timeline.backends.database.models import Entry


def number_of_follows() -> int:
    """How many follows there are. 1 query."""
    return Follow.objects.count()


def most_followed(number: int) -> list[tuple[Project, int]]:
    """The projects with the most followers, each with their number. 2 queries."""
    counts = (
        FollowCount.objects.filter(identifier=registry.identifier_of(Project), followers__gt=0)
        .values_list("object_id")
        .annotate(total=Sum("followers"))
        .order_by("-total", "object_id")
    )
    totals = {int(object_id): total for object_id, total in counts[:number]}
    projects = Project.objects.in_bulk(totals)
    return [(projects[pk], total) for pk, total in totals.items() if pk in projects]


def number_of_readers(action: Action) -> int:
    """How many private timelines an action is in, besides its actor's own. 1 query."""
    if action.uid is None:
        return 0
    entries = Entry.objects.filter(action__uid=action.uid)
    return entries.exclude(is_(action.actor_key, "owner_")).count()
