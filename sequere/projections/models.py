"""What the admin calls a projection."""

from django.utils.translation import gettext_lazy as _

from sequere.log.models import Event


class Projection(Event):
    """Where the admin hangs its pages about projections, and Django their permissions. It has no rows of its own."""

    class Meta:
        app_label = "sequere"
        proxy = True
        verbose_name = _("projection")
        verbose_name_plural = _("projections")
        default_permissions = ("view",)
        permissions = (
            ("drain_projection", "Can apply what waits for a projection"),
            ("retry_projection", "Can retry failed events of a projection"),
            ("skip_projection", "Can skip failed events of a projection"),
            ("rebuild_projection", "Can rebuild a projection"),
            ("verify_projection", "Can verify a projection"),
        )
