"""The story of the documentation. Its people are deleted afterwards, so that it can be told again."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from django.db import models

from example_project.community.models import Project, User
from example_project.community.tour.transcript import Write, tell

STORY = Path(__file__).with_name("story.txt")


def tell_story(write: Write) -> bool:
    """Tell the story. True if everything went as documented."""
    with ExitStack() as names:
        names.enter_context(_lent(User, "username", ["thoas", "newbie"]))
        names.enter_context(_lent(Project, "name", ["La classe americaine"]))
        return tell(STORY, write)


@contextmanager
def _lent(model: type[models.Model], field: str, names: list[str]) -> Iterator[None]:
    """In this block, the names are free. At its end, their new owners are deleted, and the old ones get them back."""
    named = model._default_manager.filter(**{f"{field}__in": names})
    owners = list(named)
    for owner in owners:
        model._default_manager.filter(pk=owner.pk).update(**{field: f"another one, {owner.pk}"})
    try:
        yield
    finally:
        named.delete()
        for owner in owners:
            owner.save(update_fields=[field])
