"""Pages of projects, and the actions of their owners."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django.views.generic import CreateView, UpdateView

from example_project.community import likes
from example_project.community.forms import ProjectForm, ReleaseForm
from example_project.community.models import Project, User
from example_project.community.pages import PER_PAGE
from example_project.community.relations import render_relations
from example_project.community.sequere_registry import ReleaseAction, StartAction
from example_project.community.statistics import most_followed, number_of_follows
from sequere.contrib.timeline import Timeline


@require_safe
def projects(request: HttpRequest) -> HttpResponse:
    """The most followed projects, and the total numbers of everything."""
    context = {
        "projects": most_followed(PER_PAGE),
        "number_of_projects": Project.objects.count(),
        "number_of_people": User.objects.count(),
        "number_of_follows": number_of_follows(),
    }
    return render(request, "community/projects.html", context)


@require_safe
def project(request: HttpRequest, pk: int) -> HttpResponse:
    project = _project_or_404(pk)
    context = {
        "resource": project,
        "number_of_likes": likes.number_of_likes(project),
        "is_liked": request.user.is_authenticated and likes.likes(request.user, project),
    }
    return render(request, "community/project.html", context)


@require_safe
def relations(request: HttpRequest, pk: int, which: str) -> HttpResponse:
    return render_relations(request, _project_or_404(pk), which)


@login_required
@require_POST
def like(request: HttpRequest, pk: int) -> HttpResponse:
    project = _project_or_404(pk)
    likes.like(request.user, project)
    return redirect(project)


@login_required
@require_POST
def unlike(request: HttpRequest, pk: int) -> HttpResponse:
    project = _project_or_404(pk)
    likes.unlike(request.user, project)
    return redirect(project)


class StartProject(LoginRequiredMixin, CreateView):
    """The user who starts a project owns it, and follows it."""

    form_class = ProjectForm
    template_name = "community/start_project.html"

    def form_valid(self, form: ProjectForm) -> HttpResponse:
        user: Any = self.request.user
        form.instance.owner = user
        with transaction.atomic():
            project = form.save()
            user.follow(project)
            Timeline(user).save(StartAction(actor=user, target=project))
        return HttpResponseRedirect(project.get_absolute_url())


class EditProject(LoginRequiredMixin, UpdateView):
    form_class = ProjectForm
    template_name = "community/edit_project.html"

    def get_object(self, queryset: Any = None) -> Project:
        return _own_project_or_403(self.request, self.kwargs["pk"])


@login_required
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """The actor is the project, not its owner, so the followers of the project see it."""
    project = _own_project_or_403(request, pk)
    form = ReleaseForm(request.POST or None)
    if form.is_valid():
        Timeline(project).save(ReleaseAction(actor=project, **form.cleaned_data))
        return redirect(project)
    return render(request, "community/release.html", {"project": project, "form": form})


def _project_or_404(pk: int) -> Project:
    return get_object_or_404(Project.objects.select_related("owner"), pk=pk)


def _own_project_or_403(request: HttpRequest, pk: int) -> Project:
    project = _project_or_404(pk)
    if project.owner != request.user:
        raise PermissionDenied
    return project
