from typing import Any

from django.db import models


class LogRouter:
    """Everything of Sequere in one database, everything else in another."""

    def db_for_read(self, model: type[models.Model], **hints: Any) -> str:
        return self._of(model._meta.app_label)

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        return db == self._of(app_label)

    def _of(self, app_label: str) -> str:
        return "log" if app_label.startswith("sequere") else "default"
