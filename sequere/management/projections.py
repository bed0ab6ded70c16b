"""What the commands about projections have in common."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from sequere.exceptions import BackendException


class ProjectionsCommand(BaseCommand):
    """A command that says in one sentence which server is in its way."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except BackendException as error:
            raise CommandError(str(error)) from error
