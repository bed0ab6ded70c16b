"""Pages of the relations of any registered instance, such as its followers, and links to them on its own page.

A ModelAdmin gets the links by itself, when the URLs of its site are created, since all of them are there then. The
template that it renders is extended, not replaced, so the templates of a host stay as they are.
"""

from datetime import datetime, time
from typing import TYPE_CHECKING, Any, NamedTuple

from django import forms
from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import unquote
from django.db import models, router
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from sequere import api, conf
from sequere.admin.names import Named, named
from sequere.admin.pages import DAYS, DateInput, may
from sequere.api.relations import UNSCOPED
from sequere.base import ResourceKey
from sequere.exceptions import BackendException, InvalidObjectId, NotRegistered, UnknownIdentifier
from sequere.http import address_with
from sequere.log.metadata import event_metadata
from sequere.log.models import Event
from sequere.log.numbers import GraphNumber, numbers_of_graphs
from sequere.registry import registry
from sequere.relations.types import FOLLOW, REQUEST
from sequere.results.relations import RelationList

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[models.Model]
else:  # not generic when it runs
    ModelAdmin = admin.ModelAdmin

RELATIONS_PER_PAGE = 100


class _List(NamedTuple):
    """What a page says of the list that it shows."""

    tab: Any
    title: Any
    #: The button that ends a relation of the list, and what names it; "" if there is none.
    end: Any = ""
    end_one: Any = ""
    #: What to tell when it is ended, and when it was over.
    ended: Any = ""
    over: Any = ""


_LISTS = {
    "followers": _List(
        _("Followers"),
        _("Followers of %(name)s"),
        end=_("Remove"),
        end_one=_("Remove %(other)s"),
        ended=_("%(other)s was removed."),
        over=_("%(other)s is not a follower any more."),
    ),
    "followings": _List(_("Followings"), _("Followings of %(name)s")),
    "pending": _List(
        _("Asked by"),
        _("Who asks to follow %(name)s"),
        end=_("Deny"),
        end_one=_("Deny %(other)s"),
        ended=_("The request of %(other)s was denied."),
        over=_("%(other)s does not ask any more."),
    ),
    "pending_with": _List(_("Has asked"), _("Whom %(name)s asks to follow")),
    "blocked": _List(_("Blocked"), _("Blocked by %(name)s")),
    "blocked_by": _List(_("Blocked by"), _("Who has blocked %(name)s")),
    "muted": _List(_("Muted"), _("Muted by %(name)s")),
}


class PastForm(forms.Form):
    """Asks for the relations at the end of a day."""

    as_of = forms.DateField(label=_("As of"), required=False, widget=DateInput(), validators=DAYS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **kwargs})

    def moment(self) -> datetime | None:
        """The end of the day in the current time zone; None for now, and for what is not a day."""
        if not self.is_valid() or (day := self.cleaned_data["as_of"]) is None:
            return None
        end = datetime.combine(day, time.max)
        return timezone.make_aware(end) if settings.USE_TZ else end


def key_of_page(what: str, identifier: str, object_id: str) -> ResourceKey:
    """The resource of a page. Raises Http404."""
    if what not in _LISTS:
        raise Http404
    try:
        return registry.key_of(ResourceKey(identifier, unquote(object_id)))
    except (UnknownIdentifier, InvalidObjectId) as error:
        raise Http404 from error


def list_of(request: HttpRequest, what: str, key: ResourceKey) -> RelationList:
    """The list of a page: with the scope, the order and the day of a request. 1 query. Raises Http404."""
    if request.GET.get("scope", "") not in _scopes():
        raise Http404
    return api.get_relations(what, key, desc="oldest" not in request.GET, **_options(request))


def removal_of_follower(request: HttpRequest, what: str, identifier: str, object_id: str) -> str:
    """Remove the follower that a form names, or deny its request, in the scope of the page; returns what to tell.
    Raises Http404."""
    key, follower = key_of_page(what, identifier, object_id), registry.key_named(request.POST.get("follower", ""))
    scope, shown = request.GET.get("scope", ""), _LISTS[what]
    if follower is None or not shown.end or scope not in _scopes():
        raise Http404
    with event_metadata(who=request.user):
        event = api.remove_follower(key, follower, fail_silently=True, scope=scope)
    return str(shown.over if event is None else shown.ended) % {"other": follower}


def change_of_suspension(request: HttpRequest, what: str, identifier: str, object_id: str) -> str:
    """Suspend the resource of a page, or resume it, as a form says; returns what to tell. Raises Http404."""
    key, suspends = key_of_page(what, identifier, object_id), request.POST["suspends"] == "1"
    with event_metadata(who=request.user):
        event = (api.suspend if suspends else api.resume)(key)
    told, nothing_new = (
        (_("%(name)s is suspended."), _("%(name)s was suspended already."))
        if suspends
        else (_("%(name)s is not suspended any more."), _("%(name)s was not suspended."))
    )
    return str(told if event else nothing_new) % {"name": key}


def _options(request: HttpRequest) -> dict[str, Any]:
    """The scope and the day of a request."""
    return {"scope": request.GET.get("scope", ""), "as_of": PastForm(request.GET).moment()}


def page_of(request: HttpRequest, site: AdminSite, what: str, identifier: str, object_id: str) -> dict[str, Any]:
    """The context of a page. 8 queries of the backend, 2 for the scopes, 2 for each model on the page, 2
    for the resource."""
    key, form = key_of_page(what, identifier, object_id), PastForm(request.GET)
    scope, shown = request.GET.get("scope", ""), _LISTS[what]
    scopes = [] if what in UNSCOPED else _scopes()
    found_list = list_of(request, what, key)
    is_oldest_first = "oldest" in request.GET
    counts: dict[str, int] = {}
    rows: list[tuple[Named, Any, str]] = []
    trouble, further, hidden = "", "", 0
    try:
        counts = {name: api.count_relations(name, key, **_options(request)) for name in _LISTS}
        page = found_list.page(RELATIONS_PER_PAGE, request.GET.get("cursor"))
    except BackendException as error:
        trouble = str(error)
    else:
        found = [(registry.key_of(instance), since) for instance, since in page]
        names = named([other for other, _since in found], request, site)
        rows = [(names[other], since, str(shown.end_one) % {"other": names[other]}) for other, since in found]
        further, hidden = address_with(request.GET, cursor=page.next_cursor) if page.next_cursor else "", page.hidden
    resource = named([key], request, site)[key]
    return {
        "title": str(shown.title) % {"name": resource},
        "resource": resource,
        "is_suspended": api.is_suspended(key),
        "what": what,
        "tabs": [(name, one.tab, counts.get(name)) for name, one in _LISTS.items()],
        "end": shown.end,
        "form": form,
        "parameters": address_with(request.GET, cursor=None),
        "elsewhere": address_with(request.GET, cursor=None, oldest=None),
        "scope": scope,
        "scopes": [(one, address_with(request.GET, cursor=None, scope=one or None)) for one in scopes],
        "rows": rows,
        "trouble": trouble,
        "hidden": hidden,
        "first": address_with(request.GET, cursor=None) if "cursor" in request.GET else "",
        "further": further,
        "is_oldest_first": is_oldest_first,
        "is_past": form.moment() is not None,
        "other_order": address_with(request.GET, cursor=None, oldest=None if is_oldest_first else ""),
    }


def _scopes() -> list[str]:
    """The scopes with follows or requests that can be asked for. 1 query."""
    graphs, known = numbers_of_graphs(router.db_for_read(GraphNumber)), conf.scopes()
    scoped = {FOLLOW.name, REQUEST.name}
    used = {scope for type_, scope in graphs if type_ in scoped and (known is None or scope in known)}
    return sorted({"", *used})


class ResourceAdminMixin(ModelAdmin):
    """For the ModelAdmin of a registered model: links to followers, followings and events on the page of an instance.

    Every ModelAdmin gets them by itself if EventAdmin is registered with its site. Use the mixin to make that visible
    in the code, or to override `resource_tools()`.
    """

    def resource_tools(self, request: HttpRequest, obj: Any) -> ResourceKey | None:
        """The key of the resource that the links on the page of `obj` lead to; None for no links."""
        return _key_for(self.admin_site, request, obj)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().render_change_form(request, context, *args, **kwargs)
        return _with_tools(response, self.resource_tools(request, context.get("original")))


def offer_tools(site: AdminSite) -> None:
    """Add the links to each ModelAdmin of a site that has none yet. Whether an instance is a resource is asked when its
    page is."""
    for model in apps.get_models():
        model_admin: Any = site.get_model_admin(model) if site.is_registered(model) else None
        if model_admin and not isinstance(model_admin, ResourceAdminMixin):
            _extend(model_admin)


def _extend(model_admin: Any) -> None:
    render = type(model_admin).render_change_form.__get__(model_admin)

    def render_change_form(request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> Any:
        response = render(request, context, *args, **kwargs)
        return _with_tools(response, _key_for(model_admin.admin_site, request, context.get("original")))

    model_admin.render_change_form = render_change_form


def _key_for(site: AdminSite, request: HttpRequest, instance: Any) -> ResourceKey | None:
    if instance is None or not may(request, "view_event") or not site.is_registered(Event):
        return None
    try:
        return registry.key_of(instance)
    except NotRegistered:  # unregistered since
        return None


def _with_tools(response: Any, key: ResourceKey | None) -> Any:
    """The page with links, if it is not rendered yet."""
    if key is None or not isinstance(response, TemplateResponse) or response.is_rendered:
        return response
    page = response.resolve_template(response.template_name)
    response.context_data = {**(response.context_data or {}), "sequere_page": page, "sequere_resource": Named(key)}
    response.template_name = "admin/sequere/change_form_with_tools.html"
    return response
