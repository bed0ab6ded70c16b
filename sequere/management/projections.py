"""The common part of the commands."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, InternalError, OperationalError
from django.utils.translation import gettext as _

from sequere.exceptions import SequereException


class ProjectionsCommand(BaseCommand):
    """A command that reports an error in one sentence, and with --traceback in full."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except SequereException as error:
            raise CommandError(str(error)) from error
        except (OperationalError, InterfaceError, InternalError) as error:  # it is down, busy, or read-only
            raise CommandError(_("The database cannot be used: %(reason)s") % {"reason": str(error).strip()}) from error
