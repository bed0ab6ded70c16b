"""Where everything is put together."""

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class SequereConfig(AppConfig):
    name = "sequere"
    verbose_name = _("Sequere")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sequere import receivers, registry, workers
        from sequere.backends.base import get_backend
        from sequere.checks import check_database, check_deployment, check_settings
        from sequere.outbox.shards import outbox_functions
        from sequere.projections.registry import provide
        from sequere.relations.appending import recording_functions
        from sequere.sql import routines
        from sequere.views.following import connect_login

        provide("follows", get_backend)
        routines.provide_functions(
            self.label,
            "sequere_event",
            lambda database: {**recording_functions(database), **outbox_functions(database)},
        )
        receivers.connect_receivers(self)
        workers.connect()
        connect_login()
        checks.register(check_settings, "sequere")
        checks.register(check_database, checks.Tags.database)
        checks.register(check_deployment, checks.Tags.database, deploy=True)
        registry.autodiscover()
