"""Where everything is put together."""

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class SequereTimelineConfig(AppConfig):
    name = "sequere_timeline"
    verbose_name = _("Timelines")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sequere.projections.registry import provide
        from sequere.sql import routines
        from sequere_timeline import template_tags  # noqa: F401  # adds them to {% load sequere %}
        from sequere_timeline.backends.base import get_backend
        from sequere_timeline.checks import check_timeline_settings
        from sequere_timeline.saving import action_functions

        provide("timelines", get_backend)
        routines.provide_functions("sequere", "sequere_event", action_functions, by=self.label)
        checks.register(check_timeline_settings, "sequere")
