"""What every page shows."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from sequere.contrib.timeline import Timeline


def unread(request: HttpRequest) -> dict[str, Any]:
    """How many actions of others somebody has not read: `{{ unread }}`. 1 query, if a page asks."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"unread": 0}
    return {"unread": SimpleLazyObject(Timeline(user).get_unread_count)}
