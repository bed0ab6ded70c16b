"""The three lists of every person and every project: followers, followings and friends."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from example_project.community.models import Project, User
from example_project.community.pages import page_of
from sequere.models import get_followers, get_followings, get_friends

#: By the name in URLs: the list, and the text for an empty one.
LISTS: dict[str, tuple[Callable[..., Any], str | Promise]] = {
    "followers": (get_followers, _("Nobody follows {} yet.")),
    "followings": (get_followings, _("{} follows nobody yet.")),
    "friends": (get_friends, _("{} has no friends yet: friends follow each other.")),
}


def render_relations(request: HttpRequest, resource: User | Project, which: str) -> HttpResponse:
    """A page of one of the lists."""
    relations, nobody = LISTS[which]
    context = {
        "resource": resource,
        "which": which,
        "page": page_of(request, relations(resource)),
        "nobody": str(nobody).format(resource),
    }
    return render(request, "community/relations.html", context)
