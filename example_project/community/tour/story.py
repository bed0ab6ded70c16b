"""The story of the documentation, told in a transaction that is undone: it can be told again and again."""

from pathlib import Path

from django.db import router, transaction
from django.db.models import F, TextField, Value
from django.db.models.functions import Cast, Concat

from example_project.community.models import Project, User
from example_project.community.tour.transcript import Write, tell

STORY = Path(__file__).with_name("story.txt")


def tell_story(write: Write) -> bool:
    """Tell it. True if all went as documented."""
    with transaction.atomic(using=router.db_for_write(User)):
        # The names may be taken by somebody, who gets his own back with all the rest.
        other_name = Concat(Value("another one, "), Cast(F("pk"), TextField()))
        User.objects.filter(username__in=["thoas", "newbie"]).update(username=other_name)
        Project.objects.filter(name="La classe americaine").update(name=other_name)
        went_well = tell(STORY, write)
        transaction.set_rollback(True, using=router.db_for_write(User))
    return went_well
