"""`{% timeline object %}` and `{% unread_count object %}`, added to the library of `{% load sequere %}`."""

from typing import Any

from django.template import Context
from django.utils.text import slugify

from sequere.http import address_with, as_follower, may_view_private, parameters_of
from sequere.registry import registry
from sequere.templatetags.sequere import follower, register, viewer
from sequere_timeline.actions import Action, check_action
from sequere_timeline.timeline import ActionFilter, TargetFilter, Timeline

#: Actions on a page.
SIZE = 20
#: From how many on a badge says only that there are more.
UNREAD_LIMIT = 100
#: Characters of a verb in the name of a file: a verb may be longer than a file system allows.
LONGEST_NAME = 60


@register.inclusion_tag("sequere/timeline.html", takes_context=True)
def timeline(
    context: Context,
    instance: Any,
    *,
    private: bool = False,
    action: ActionFilter = None,
    target: TargetFilter = None,
    size: int = SIZE,
    parameter: str = "older",
) -> dict[str, Any]:
    """The public timeline of an instance; with `private=True`, its private one. Empty for a viewer whom the ModelBase
    does not allow to see it, and for an anonymous user as the instance.

    `action` and `target` filter it, as in Timeline. A page has `size` actions; the link to older ones passes a cursor
    as the query parameter `parameter`: use a different one for each timeline on a page. 1 query, and 1 per model class.
    Needs `request` in the context for the link; raises InvalidCursor, also for the cursor of another timeline, and
    UnreadableParameters, which Django answers with 400.
    """
    request: Any = context.get("request")
    user = viewer(context)
    shown: dict[str, Any] = {"instance": instance, "page": None, "older": None, "request": request, "user": user}
    if hasattr(instance, "is_authenticated") and as_follower(instance) is None:
        return shown  # a page for everybody, with {% timeline user private=True %}
    of = Timeline(instance)
    if private:
        may_view = may_view_private(follower(context), user, instance)
    else:
        may_view = registry.options_for(instance).can_view(user, instance)
    if not may_view:
        return shown
    actions = (of.get_private if private else of.get_public)(action=action, target=target)
    given = parameters_of(request) if request else {}
    page = actions.page(size, given.get(parameter))
    if request and page.next_cursor:
        shown["older"] = address_with(request.GET, **{parameter: page.next_cursor})
    return {**shown, "page": page}


@register.simple_tag(takes_context=True)
def unread_count(context: Context, instance: Any, limit: int = UNREAD_LIMIT) -> int | str:
    """How many actions of others an instance has not read; from `limit` on a text such as "99+", so that a badge costs
    the same for however many. 0 for a viewer whom the ModelBase does not allow to see its private timeline, and for an
    anonymous user as the instance. 1 query, none for 0 of these."""
    if hasattr(instance, "is_authenticated") and as_follower(instance) is None:
        return 0
    if not may_view_private(follower(context), viewer(context), instance):
        return 0
    count = Timeline(instance).get_unread_count(limit=limit)
    return count if count < limit else f"{limit - 1}+"


@register.filter
def action_templates(action: Action) -> list[str]:
    """The templates for an action, best first: `sequere/timeline/<its verb>.html`, `sequere/action.html`."""
    check_action(action)
    slug = slugify(action.verb, allow_unicode=True)[:LONGEST_NAME]
    return [*([f"sequere/timeline/{slug}.html"] if slug else []), "sequere/action.html"]
