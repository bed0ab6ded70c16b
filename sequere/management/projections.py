"""The common part of the commands."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError
from django.utils.translation import gettext as _

from sequere.exceptions import (
    ForeignIdentifier,
    InvalidObjectId,
    SequereException,
    UnknownIdentifier,
    UnknownProjection,
)

#: The errors that only an argument of a command can cause.
ABOUT_ARGUMENTS = (ForeignIdentifier, InvalidObjectId, UnknownIdentifier, UnknownProjection)


class ProjectionsCommand(BaseCommand):
    """A command that reports an error in one sentence, and with --traceback in full.

    It ends with 0, with 2 for a wrong argument, and with 1 for anything else that needs attention.
    """

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except SequereException as error:
            raise CommandError(str(error), returncode=2 if isinstance(error, ABOUT_ARGUMENTS) else 1) from error
        # It is down, busy, read-only, or not migrated.
        except (OperationalError, InterfaceError, InternalError, ProgrammingError) as error:
            raise CommandError(_("The database cannot be used: %(reason)s") % {"reason": str(error).strip()}) from error

    def wrong_argument(self, text: str) -> CommandError:
        """The error to raise for arguments that make no sense together."""
        return CommandError(text, returncode=2)
