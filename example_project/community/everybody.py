"""What everybody does, in the private timeline of the site."""

from typing import Any

from django.conf import settings
from django.db import models

from sequere.base import ResourceKey
from sequere.contrib.timeline import Action, Timeline

SITE = ResourceKey("site", str(settings.SITE_ID))


def timeline() -> Timeline:
    return Timeline(SITE)


def show(sender: type[Timeline], instance: models.Model | ResourceKey, action: Action, **_: Any) -> None:
    """A receiver of `post_save`: what somebody has published is shown to everybody.

    After the commit, so that nobody who publishes something waits for anybody else who does. A process that dies in
    between shows nothing; whoever cannot have that writes a projector.
    """
    if instance == action.actor:
        timeline().save(action)
