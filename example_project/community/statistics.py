"""Statistics about everybody, which the log answers wherever the follows are kept.

Each of them reads the whole log: a site with many events would count with its own projector.
"""

from django.db.models import Count, Q

from example_project.community.models import Project
from sequere.log.models import Event
from sequere.registry import registry
from sequere.relations.types import FOLLOWED, UNFOLLOWED

#: Every unfollow ends one follow.
LIVE = Count("id", filter=Q(type=FOLLOWED)) - Count("id", filter=Q(type=UNFOLLOWED))


def number_of_follows() -> int:
    """The number of follows. 1 query."""
    total: int = Event.objects.aggregate(total=LIVE)["total"]
    return total


def most_followed(number: int) -> list[tuple[Project, int]]:
    """The projects with the most followers, each with the number of followers. 2 queries."""
    counts = (
        Event.objects.filter(type__in=[FOLLOWED, UNFOLLOWED], target_identifier=registry.identifier_of(Project))
        .values_list("target_object_id")
        .annotate(total=LIVE)
        .filter(total__gt=0)
        .order_by("-total", "target_object_id")
    )
    totals = {int(object_id): total for object_id, total in counts[:number]}
    projects = Project.objects.in_bulk(totals)
    return [(projects[pk], total) for pk, total in totals.items() if pk in projects]
