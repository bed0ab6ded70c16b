"""The model that stands for projections in the admin."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class _NoRows(models.Manager[Any]):
    """For `dumpdata`, which would read the table."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().none()


class Projection(models.Model):
    """A projection, for the admin and its permissions. It has no table, since the settings name the projections."""

    name = models.CharField(max_length=100, primary_key=True)

    objects = _NoRows()

    class Meta:
        app_label = "sequere"
        managed = False
        base_manager_name = "objects"
        verbose_name = _("projection")
        verbose_name_plural = _("projections")
        default_permissions = ("view",)
        permissions = (
            ("drain_projection", "Can apply pending events of a projection"),
            ("retry_projection", "Can retry failed events of a projection"),
            ("skip_projection", "Can skip failed events of a projection"),
            ("rebuild_projection", "Can rebuild a projection"),
            ("verify_projection", "Can verify a projection"),
        )

    def __str__(self) -> str:
        return self.name
