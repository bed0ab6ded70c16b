"""A user to log in as, to try Sequere out."""

from datetime import datetime

from example_project.community.models import User
from example_project.community.sequere_registry import JoinAction
from sequere.contrib.timeline import Timeline

#: The login and the password of the superuser.
LOGIN = "demo"


def get_or_create_demo_user(joined: datetime) -> User:
    """The superuser."""
    user = User.objects.filter(username=LOGIN).first()
    if user is None:
        user = User.objects.create_superuser(LOGIN, password=LOGIN)
        Timeline(user).save(JoinAction(actor=user, date=joined))
    return user
