"""The log and the projections in Django's admin, which finds this module by itself."""

from django.contrib import admin

from sequere.admin.events import EventAdmin
from sequere.admin.projections import ProjectionAdmin
from sequere.admin.relations import ResourceAdminMixin
from sequere.log.models import Event
from sequere.projections.models import Projection

__all__ = ["EventAdmin", "ProjectionAdmin", "ResourceAdminMixin"]

admin.site.register(Event, EventAdmin)
admin.site.register(Projection, ProjectionAdmin)
