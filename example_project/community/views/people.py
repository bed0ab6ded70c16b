"""Pages of people, and their public timelines."""

from typing import Any

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import RedirectURLMixin
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.generic import CreateView, UpdateView

from example_project.community.forms import ProfileForm, SignUpForm
from example_project.community.models import User
from example_project.community.pages import page_of
from example_project.community.relations import render_relations
from example_project.community.sequere_registry import JoinAction
from sequere.contrib.timeline import Timeline


@require_safe
def person(request: HttpRequest, username: str) -> HttpResponse:
    return render(request, "community/person.html", {"resource": _person_or_404(username)})


@require_safe
def relations(request: HttpRequest, username: str, which: str) -> HttpResponse:
    return render_relations(request, _person_or_404(username), which)


@login_required
@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """Who asks to follow the user."""
    return render(request, "community/requests.html", {"page": page_of(request, request.user.get_pending())})


class SignUp(RedirectURLMixin, CreateView):
    form_class = SignUpForm
    template_name = "registration/sign_up.html"
    next_page = "home"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            return redirect(self.get_success_url())
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: SignUpForm) -> HttpResponse:
        with transaction.atomic():
            user = form.save()
            Timeline(user).save(JoinAction(actor=user))
        login(self.request, user)
        messages.success(self.request, _("Welcome, {}!").format(user))
        return HttpResponseRedirect(self.get_success_url())


class EditProfile(LoginRequiredMixin, UpdateView):
    form_class = ProfileForm
    template_name = "community/edit_profile.html"

    def get_object(self, queryset: Any = None) -> Any:
        # Not the instance of the request: invalid values of the form must not show elsewhere on the page.
        return User.objects.get(pk=self.request.user.pk)


def _person_or_404(username: str) -> User:
    return get_object_or_404(User, username=username, is_active=True)
