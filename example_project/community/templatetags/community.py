"""`{% load community %}`: people, projects and times in templates."""

from datetime import datetime, timedelta
from typing import Any
from zlib import crc32

from django import template
from django.template.defaultfilters import date as formatted
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from example_project.community.models import User

register = template.Library()

HUES = 6
#: Times within this period are shown as an age, older ones as a date.
RECENT = timedelta(days=7)


@register.inclusion_tag("community/_avatar.html")
def avatar(resource: Any) -> dict[str, Any]:
    """The initials of a name, in its own colour; round for people."""
    words = str(resource).replace("-", " ").split()
    return {
        "letters": "".join(word[0] for word in words[:2]).upper(),
        "hue": crc32(str(resource).encode()) % HUES,
        "is_person": isinstance(resource, User),
    }


@register.simple_tag
def link(resource: Any) -> SafeString:
    """The name of a resource, as a link to its page."""
    if resource is None:
        return format_html("<em>{}</em>", _("something that was deleted"))
    return format_html('<a href="{}">{}</a>', resource.get_absolute_url(), resource)


@register.simple_tag
def when(moment: datetime) -> SafeString:
    """How long ago a moment was, or its date."""
    full = formatted(timezone.localtime(moment), "DATETIME_FORMAT")
    age = timezone.now() - moment
    if age < timedelta(minutes=1):
        text = _("just now")
    elif age < RECENT:
        text = _("{} ago").format(timesince(moment, depth=1))
    else:
        text = formatted(timezone.localtime(moment), "DATE_FORMAT")
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), full, text)
