"""The common part of the commands."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, InternalError, OperationalError, ProgrammingError
from django.utils.translation import gettext as _

from sequere.exceptions import (
    ForeignIdentifier,
    InvalidObjectId,
    SequereException,
    UnknownIdentifier,
    UnknownProjection,
)
from sequere.tenants import all_tenants, at_tenant, current_tenant, tenants_of_site

#: The errors that only an argument of a command can cause.
ABOUT_ARGUMENTS = (ForeignIdentifier, InvalidObjectId, UnknownIdentifier, UnknownProjection)


class ProjectionsCommand(BaseCommand):
    """A command that reports an error in one sentence, and with --traceback in full.

    It ends with 0, with 2 for a wrong argument, and with 1 for anything else that needs attention. On a site with
    tenants, it works for the one in --tenant, or for the one that its caller works for.
    """

    #: Whether it works for all tenants if none is named.
    is_for_all_tenants = False

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        if tenants_of_site():
            parser.add_argument("--tenant", metavar=_("NAME"), help=_("Work for this tenant."))
        return parser

    def execute(self, *args: Any, tenant: str | None = None, **options: Any) -> str | None:
        try:
            if tenants_of_site():
                self._check_tenant(tenant)
            with at_tenant(tenant):
                return super().execute(*args, **options)
        except SequereException as error:
            raise CommandError(str(error), returncode=2 if isinstance(error, ABOUT_ARGUMENTS) else 1) from error
        # It is down, busy, read-only, or not migrated.
        except (OperationalError, InterfaceError, InternalError, ProgrammingError) as error:
            raise CommandError(_("The database cannot be used: %(reason)s") % {"reason": str(error).strip()}) from error

    def _check_tenant(self, tenant: str | None) -> None:
        names = all_tenants()
        if tenant is not None and tenant not in names:
            raise self.wrong_argument(_("There is no tenant %(name)r.") % {"name": tenant})
        if tenant is None and not self.is_for_all_tenants and current_tenant() not in names:
            raise self.wrong_argument(_("Name a tenant with --tenant."))

    def wrong_argument(self, text: str) -> CommandError:
        """The error to raise for arguments that make no sense together."""
        return CommandError(text, returncode=2)
