"""The pages."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.paginator import Page, Paginator
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from example_project.community.models import Project, User
from example_project.community.rows import rows
from example_project.community.statistics import most_followed, number_of_follows
from sequere.base import ResourceKey
from sequere.contrib.timeline import Timeline
from sequere.exceptions import SelfFollowException, SequereException
from sequere.registry import registry

PER_PAGE = 20


def home(request: HttpRequest) -> HttpResponse:
    context = {
        "rows": rows(request.user, most_followed(PER_PAGE)),
        "number_of_projects": Project.objects.count(),
        "number_of_people": User.objects.count(),
        "number_of_follows": number_of_follows(),
    }
    return render(request, "community/home.html", context)


def project(request: HttpRequest, pk: int) -> HttpResponse:
    project = get_object_or_404(Project, pk=pk)
    followers = _page(request, project.get_followers())
    itself, *others = rows(request.user, [(project, None), *followers])
    context = {
        "row": itself,
        "page": followers,
        "rows": others,
        "public": Timeline(project).get_public()[:PER_PAGE],
    }
    return render(request, "community/project.html", context)


def person(request: HttpRequest, username: str) -> HttpResponse:
    person = get_object_or_404(User, username=username)
    followings = _page(request, person.get_followings())
    itself, *others = rows(request.user, [(person, None), *followings])
    context = {"row": itself, "page": followings, "rows": others}
    if person == request.user:
        context["private"] = Timeline(person).get_private()[:PER_PAGE]
    context["public"] = Timeline(person).get_public()[:PER_PAGE]
    return render(request, "community/person.html", context)


@require_POST
def follow(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    return _change(request, ResourceKey(identifier, object_id), User.follow, "You follow {} now.")


@require_POST
def unfollow(request: HttpRequest, identifier: str, object_id: str) -> HttpResponse:
    return _change(request, ResourceKey(identifier, object_id), User.unfollow, "You do not follow {} any more.")


def _change(request: HttpRequest, key: ResourceKey, verb: Callable[[User, Any], object], message: str) -> HttpResponse:
    instance = _instance_or_404(key)
    back = _safe(request, request.POST.get("next", "")) or instance.get_absolute_url()
    if not request.user.is_authenticated:
        return redirect_to_login(back)
    try:
        verb(request.user, instance)
    except SelfFollowException as error:
        messages.error(request, str(error))
    else:
        messages.success(request, message.format(instance))
    return redirect(back)


def _instance_or_404(key: ResourceKey) -> Any:
    try:
        key = registry.key_of(key)
    except SequereException as error:
        raise Http404(str(error)) from error
    for instance in registry.load([key]).values():
        return instance
    raise Http404(f"There is no {key.identifier} {key.object_id}.")


def _safe(request: HttpRequest, url: str) -> str:
    """A URL of this site, or nothing: nobody is sent elsewhere by a link to us."""
    is_ours = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return url if is_ours else ""


def _page(request: HttpRequest, items: Any) -> Page[tuple[models.Model, Any]]:
    return Paginator(items, PER_PAGE).get_page(request.GET.get("page"))
