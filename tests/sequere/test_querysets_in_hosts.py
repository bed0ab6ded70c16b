"""What takes querysets takes those with follows: forms, Django REST framework, and the admin."""

from typing import Any

import pytest
from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.test import RequestFactory
from rest_framework import filters, generics, serializers
from rest_framework.test import APIRequestFactory, force_authenticate

from sequere.models import follow_many
from sequere.querysets import followed_by, followers_count, with_following
from tests.factories import ProjectFactory
from tests.testapp.models import Project, User

pytestmark = [pytest.mark.django_db, pytest.mark.database]


@pytest.fixture
def projects(thoas: User, newbie: User) -> list[Project]:
    """Followed by thoas, by both, and by nobody."""
    found = [ProjectFactory(name=name) for name in ("one", "both", "nobody")]
    follow_many([(thoas, found[0]), (thoas, found[1]), (newbie, found[1])])
    return found


def test_the_choices_of_a_field(projects: list[Project], thoas: User) -> None:
    field = forms.ModelChoiceField(Project.objects.filter(followed_by(thoas)).order_by("name"))

    assert [name for _, name in field.choices][1:] == ["both", "one"]
    assert field.clean(str(projects[0].pk)) == projects[0]
    with pytest.raises(forms.ValidationError):
        field.clean(str(projects[2].pk))


class Serializer(serializers.ModelSerializer):
    n = serializers.IntegerField(read_only=True)
    mine = serializers.BooleanField(read_only=True)

    class Meta:
        model = Project
        fields = ("name", "n", "mine")


class FollowedByMe(filters.BaseFilterBackend):
    def filter_queryset(self, request: Any, queryset: Any, view: Any) -> Any:
        return queryset.filter(followed_by(request.user)) if "mine" in request.GET else queryset


class View(generics.ListAPIView):
    serializer_class = Serializer
    filter_backends = (FollowedByMe, filters.OrderingFilter, filters.SearchFilter)
    ordering_fields = ("n", "name")
    search_fields = ("name",)

    def get_queryset(self) -> Any:
        return Project.objects.annotate(n=followers_count(), mine=with_following(self.request.user))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ordering=-n", [("both", 2, True), ("one", 1, False), ("nobody", 0, False)]),
        ("mine", [("both", 2, True)]),
        ("ordering=n&search=o", [("nobody", 0, False), ("one", 1, False), ("both", 2, True)]),
    ],
)
def test_an_api_filters_and_orders(query: str, expected: list[Any], projects: list[Project], newbie: User) -> None:
    request = APIRequestFactory().get(f"/?{query}")
    force_authenticate(request, newbie)

    rows = View.as_view()(request).data

    assert [tuple(row.values()) for row in rows] == expected


class FollowedFilter(admin.SimpleListFilter):
    title = "followed by me"
    parameter_name = "followed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("me", "Yes"), ("not", "No")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "me":
            return queryset.filter(followed_by(request.user))
        return queryset.exclude(followed_by(request.user)) if self.value() == "not" else queryset


class MostFollowed(admin.SimpleListFilter):
    title = "followers"
    parameter_name = "most"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("followed", "Most followed")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(n__gt=0).order_by("-n") if self.value() else queryset


class ProjectAdmin(admin.ModelAdmin):
    list_display = ("name", "n")
    list_filter = (FollowedFilter, MostFollowed)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Project]:
        return super().get_queryset(request).annotate(n=followers_count())

    @admin.display(ordering="n")
    def n(self, project: Any) -> int:
        return int(project.n)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"o": "-2"}, ["both", "one", "nobody"]),
        ({"followed": "me"}, ["both"]),
        ({"most": "followed"}, ["both", "one"]),
        ({"followed": "not", "o": "2"}, ["nobody", "one"]),
    ],
)
def test_the_admin_filters_and_orders(
    query: dict[str, str], names: list[str], projects: list[Project], newbie: User
) -> None:
    request = RequestFactory().get("/", query)
    newbie.is_staff = newbie.is_superuser = True
    request.user = newbie

    changes = ProjectAdmin(Project, admin.AdminSite()).get_changelist_instance(request)

    assert [project.name for project in changes.result_list] == names
