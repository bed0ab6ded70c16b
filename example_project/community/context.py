"""Context for every page."""

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from sequere.contrib.timeline import Timeline


def unread(request: HttpRequest) -> dict[str, Any]:
    """The number of unread actions of others: `{{ unread }}`. 1 query, if a page uses it."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"unread": 0}
    return {"unread": SimpleLazyObject(Timeline(user).get_unread_count)}
