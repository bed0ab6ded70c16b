from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CommunityConfig(AppConfig):
    name = "example_project.community"
    verbose_name = _("Community")

    def ready(self) -> None:
        from example_project.community import everybody
        from sequere_timeline.signals import post_save

        post_save.connect(everybody.show, dispatch_uid="example_project.community.everybody.show")
