"""The actions of everybody, in the private timeline of the site."""

from typing import Any

from django.conf import settings
from django.db import models

from sequere.base import ResourceKey
from sequere.contrib.timeline import Action, Timeline

SITE = ResourceKey("site", str(settings.SITE_ID))


def timeline() -> Timeline:
    return Timeline(SITE)


def show(sender: type[Timeline], instance: models.Model | ResourceKey, action: Action, **_: Any) -> None:
    """A receiver of `post_save` that shows every published action to everybody.

    It runs after the commit, so that publishers do not wait for each other. If the process dies in between, the action
    is not shown; where that matters, write a projector.
    """
    if instance == action.actor:
        timeline().save(action)
