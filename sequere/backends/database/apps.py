from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DatabaseBackendConfig(AppConfig):
    name = "sequere.backends.database"
    label = "sequere_database"
    verbose_name = _("Follows in the database")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from sequere.backends.database.functions import relation_functions
        from sequere.sql import routines

        routines.provide_functions(self.label, "sequere_database_relation", relation_functions)
