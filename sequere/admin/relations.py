"""Pages of the followers, followings, blocks and mutes of any registered instance, and links to them on its own page.

A ModelAdmin gets the links by itself, when the URLs of its site are created, since all models are registered then. The
template that it renders is extended, not replaced, so the templates of a host stay as they are.
"""

from datetime import datetime, time
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.admin.utils import unquote
from django.db import models, router
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from sequere import api, conf
from sequere.admin.names import Named, named
from sequere.admin.pages import DAYS, DateInput, may
from sequere.base import ResourceKey
from sequere.exceptions import BackendException, InvalidObjectId, NotRegistered, UnknownIdentifier
from sequere.http import address_with
from sequere.log.metadata import event_metadata
from sequere.log.models import Event
from sequere.log.numbers import GraphNumber, numbers_of_graphs
from sequere.registry import registry
from sequere.relations.types import FOLLOW
from sequere.results.relations import RelationList

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[models.Model]
else:  # not generic when it runs
    ModelAdmin = admin.ModelAdmin

RELATIONS_PER_PAGE = 100
#: By the name of a list, whether it has scopes.
_LISTS = {"followers": True, "followings": True, "blocked": False, "blocked_by": False, "muted": False}


class PastForm(forms.Form):
    """Asks for the relations at the end of a day."""

    as_of = forms.DateField(label=gettext_lazy("As of"), required=False, widget=DateInput(), validators=DAYS)

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
    found: RelationList = getattr(api, f"get_{what}")(key, desc="oldest" not in request.GET, **_options(request, what))
    return found


def removal_of_follower(request: HttpRequest, what: str, identifier: str, object_id: str) -> str:
    """Remove the follower that a form names, in the scope of the page; returns what to tell. Raises Http404."""
    key, follower = key_of_page(what, identifier, object_id), registry.key_named(request.POST.get("follower", ""))
    scope = request.GET.get("scope", "")
    if follower is None or what != "followers" or scope not in _scopes():
        raise Http404
    with event_metadata(who=request.user):
        event = api.remove_follower(key, follower, fail_silently=True, scope=scope)
    if event is None:
        return _("%(follower)s is not a follower any more.") % {"follower": follower}
    return _("%(follower)s was removed.") % {"follower": follower}


def _options(request: HttpRequest, what: str) -> dict[str, Any]:
    """The scope of a list, if it has scopes, and the day of a request."""
    scope = {"scope": request.GET.get("scope", "")} if _LISTS[what] else {}
    return {**scope, "as_of": PastForm(request.GET).moment()}


def page_of(request: HttpRequest, site: AdminSite, what: str, identifier: str, object_id: str) -> dict[str, Any]:
    """The context of a page. 6 queries of the backend, 2 for the scopes, 2 for each model on the page, 1
    for the resource."""
    key, form = key_of_page(what, identifier, object_id), PastForm(request.GET)
    scopes, scope = _scopes(), request.GET.get("scope", "")
    found_list = list_of(request, what, key)
    is_oldest_first = "oldest" in request.GET
    counts: dict[str, int] = {}
    rows: list[tuple[Named, Any]] = []
    trouble, further, hidden = "", "", 0
    try:
        counts = {name: getattr(api, f"get_{name}_count")(key, **_options(request, name)) for name in _LISTS}
        page = found_list.page(RELATIONS_PER_PAGE, request.GET.get("cursor"))
    except BackendException as error:
        trouble = str(error)
    else:
        found = [(registry.key_of(instance), since) for instance, since in page]
        names = named([other for other, _since in found], request, site)
        rows = [(names[other], since) for other, since in found]
        further, hidden = address_with(request.GET, cursor=page.next_cursor) if page.next_cursor else "", page.hidden
    resource = named([key], request, site)[key]
    titles = {
        "followers": _("Followers of %(name)s"),
        "followings": _("Followings of %(name)s"),
        "blocked": _("Blocked by %(name)s"),
        "blocked_by": _("Who has blocked %(name)s"),
        "muted": _("Muted by %(name)s"),
    }
    return {
        "title": titles[what] % {"name": resource},
        "resource": resource,
        "what": what,
        "form": form,
        "parameters": address_with(request.GET, cursor=None),
        "elsewhere": address_with(request.GET, cursor=None, oldest=None),
        "scope": scope,
        "scopes": [(one, address_with(request.GET, cursor=None, scope=one or None)) for one in scopes if _LISTS[what]],
        "rows": rows,
        "counts": counts,
        "trouble": trouble,
        "hidden": hidden,
        "first": address_with(request.GET, cursor=None) if "cursor" in request.GET else "",
        "further": further,
        "is_oldest_first": is_oldest_first,
        "is_past": form.moment() is not None,
        "other_order": address_with(request.GET, cursor=None, oldest=None if is_oldest_first else ""),
    }


def _scopes() -> list[str]:
    """The scopes with follows that can be asked for. 1 query."""
    graphs, known = numbers_of_graphs(router.db_for_read(GraphNumber)), conf.scopes()
    used = {scope for type_, scope in graphs if type_ == FOLLOW.name and (known is None or scope in known)}
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
    """Add the links to each ModelAdmin of a site, if its model is registered and it has no links yet."""
    for options in registry:
        model_admin: Any = site.get_model_admin(options.model) if site.is_registered(options.model) else None
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
