from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DatabaseBackendConfig(AppConfig):
    name = "sequere_timeline.backends.database"
    label = "sequere_timeline_database"
    verbose_name = _("Timelines in the database")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sequere.sql import routines
        from sequere_timeline.backends.database.functions import timeline_functions

        routines.provide_functions(self.label, "sequere_timeline_database_entry", timeline_functions)
