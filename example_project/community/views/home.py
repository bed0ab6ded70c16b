"""The home page, and the timeline of everybody."""

from datetime import UTC, datetime

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from example_project.community import everybody
from example_project.community.forms import NoteForm, ReadForm
from example_project.community.models import Project, User
from example_project.community.pages import PER_PAGE, page_of
from example_project.community.sequere_registry import NoteAction
from example_project.community.suggestions import suggestions
from sequere.contrib.timeline import Timeline

NEVER = datetime.min.replace(tzinfo=UTC)
#: The number of newest projects on the page for visitors.
NEW = 5


def home(request: HttpRequest) -> HttpResponse:
    """The private timeline of the user, with a form for a note; for visitors, a welcome page."""
    if not request.user.is_authenticated:
        return _welcome(request)
    form = NoteForm(request.POST or None)
    if form.is_valid():
        Timeline(request.user).save(NoteAction(actor=request.user, text=form.cleaned_data["text"]))
        return redirect("home")
    return _timeline(request, request.user, form)


@require_safe
def latest(request: HttpRequest) -> HttpResponse:
    """The actions of everybody."""
    return render(request, "community/latest.html", {"page": page_of(request, everybody.timeline().get_private())})


@login_required
@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """Mark everything as read, up to the date of the newest action that was shown."""
    form = ReadForm(request.POST)
    if not form.is_valid():
        return HttpResponseBadRequest(form.errors.as_text(), content_type="text/plain")
    Timeline(request.user).mark_as_read(form.cleaned_data["until"])
    return redirect("home")


def _timeline(request: HttpRequest, user: User, form: NoteForm) -> HttpResponse:
    timeline = Timeline(user)
    context = {
        "page": page_of(request, timeline.get_private()),
        "read_at": timeline.read_at or NEVER,
        "form": form,
        "suggestions": suggestions(user),
    }
    return render(request, "community/home.html", context)


def _welcome(request: HttpRequest) -> HttpResponse:
    context = {
        "actions": list(everybody.timeline().get_private()[:PER_PAGE]),
        "projects": Project.objects.order_by("-pk")[:NEW],
    }
    return render(request, "community/welcome.html", context)
