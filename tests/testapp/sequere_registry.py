import sequere
from sequere.base import ModelBase
from sequere.contrib.timeline import Action

from .models import (
    Article,
    Basket,
    Circle,
    Document,
    Invoice,
    Order,
    Package,
    Price,
    Profile,
    Project,
    Shape,
    Showing,
    Star,
    Tag,
    Ticket,
    User,
)


class JoinAction(Action):
    verb = "join"


class LikeAction(Action):
    verb = "like"


class UserSequere(ModelBase):
    identifier = "user"
    actions = (JoinAction, LikeAction)


class ProjectSequere(ModelBase):
    identifier = "project"


@sequere.register_event
class Joked(sequere.EventType):
    """A kind of event that only a host knows."""

    name = "joked"


sequere.register(User, UserSequere)
sequere.register(Project, ProjectSequere)
for model in (
    Document,
    Package,
    Star,
    Profile,
    Basket,
    Article,
    Order,
    Invoice,
    Price,
    Showing,
    Tag,
    Ticket,
    Shape,
    Circle,
):
    sequere.register(model)
