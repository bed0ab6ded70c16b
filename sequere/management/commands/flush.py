"""Django's flush, for a log that refuses to be emptied. TransactionTestCase calls it too."""

from typing import Any

from django.core.management.commands import flush
from django.db import connections, router

from sequere.log.immutability import has_log, unprotected
from sequere.log.models import Event

QUESTION = """You have requested a flush of the database.
This will IRREVERSIBLY DESTROY all data in the "{database}" database, the event log with its {events}
events included: no rebuild can restore it.
Are you sure you want to do this?

    Type 'yes' to continue, or 'no' to cancel: """


class Command(flush.Command):
    def handle(self, **options: Any) -> None:
        database = options["database"]
        if not (router.allow_migrate_model(database, Event) and has_log(connections[database])):
            super().handle(**options)
            return
        if options["interactive"]:
            question = QUESTION.format(database=database, events=Event.objects.using(database).count())
            if input(question) != "yes":
                self.stdout.write("Flush cancelled.")
                return
        with unprotected(database):
            super().handle(**{**options, "interactive": False})
