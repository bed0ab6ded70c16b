"""Search for people and projects by name."""

from typing import Any, NamedTuple

from django import forms
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from example_project.community.models import Project, User
from example_project.community.pages import PER_PAGE

#: The number of results for each kind, unless one kind is asked for.
FEW = 5
WORDS = 5


class SearchForm(forms.Form):
    q = forms.CharField(label=_("Search"), max_length=100, required=False)
    kind = forms.ChoiceField(choices=[("people", "people"), ("projects", "projects")], required=False)
    after = forms.CharField(max_length=200, required=False, strip=False)


class Found(NamedTuple):
    """Some results, in the order of their names, and the name after which there are more."""

    items: list[Any]
    more_after: str | None


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    is_valid = form.is_valid()
    kind, after = (form.cleaned_data.get(name, "") for name in ("kind", "after"))
    words = form.cleaned_data.get("q", "").split()[:WORDS] if is_valid else []
    size = PER_PAGE if kind else FEW
    context: dict[str, Any] = {"form": form, "q": " ".join(words), "kind": kind}
    if words and kind != "projects":
        context["people"] = _found(_people(words), "username", after, size)
    if words and kind != "people":
        context["projects"] = _found(_projects(words), "name", after, size)
    return render(request, "community/search.html", context)


def _people(words: list[str]) -> models.QuerySet[User]:
    people = User.objects.filter(is_active=True)
    for word in words:
        people = people.filter(
            models.Q(username__icontains=word)
            | models.Q(first_name__icontains=word)
            | models.Q(last_name__icontains=word)
        )
    return people


def _projects(words: list[str]) -> models.QuerySet[Project]:
    projects = Project.objects.all()
    for word in words:
        projects = projects.filter(models.Q(name__icontains=word) | models.Q(about__icontains=word))
    return projects


def _found(rows: models.QuerySet[Any], name: str, after: str, size: int) -> Found:
    """The results after a name, and whether there are more. 1 query."""
    items = list(rows.filter(**{f"{name}__gt": after}).order_by(name)[: size + 1])
    shown = items[:size]
    return Found(shown, getattr(shown[-1], name) if len(items) > size else None)
