"""The receivers of signals that are always connected."""

from collections.abc import Collection, Sequence
from typing import Any

from django.db import connections, router
from django.db.migrations import CreateModel, Migration
from django.db.models.signals import class_prepared, post_migrate, pre_migrate

from sequere import conf
from sequere.exceptions import LogWouldBeLost
from sequere.log.identity import log_id
from sequere.log.immutability import has_log, install
from sequere.log.models import Event
from sequere.log.recording import types_of
from sequere.log.sequences import advance_sequences
from sequere.log.suspensions import SUSPENSIONS, changes_pauses
from sequere.outbox.enqueue import pause_inline, queue_events
from sequere.projections.registry import inline_projectors, queued_projections
from sequere.registry import registry
from sequere.relations.deletions import watch_deletions, watch_proxy
from sequere.signals import PROJECT, events_recorded
from sequere.sql import routines

#: The model of the log, in migrations.
LOG = ("sequere", "Event")


def project(sender: type[Event], events: Sequence[Event], using: str, applied: Collection[str] = (), **_: Any) -> None:
    """Apply events to the projections that are inline, and queue them for the others, unless the database has."""
    for projector in inline_projectors():
        if projector.name not in applied:
            projector.apply(events, using=using)
    if not types_of(events).keys().isdisjoint(SUSPENSIONS):
        for event in filter(changes_pauses, events):
            pause_inline(event, using)
    if not set(queued_projections()) <= set(applied):
        queue_events(events, using)


def keep_log(using: str, plan: Sequence[tuple[Migration, bool]], **_: Any) -> None:
    """Refuse to reverse the migration that has made the log, before anything else is reversed."""
    makes_log = any(
        is_backwards and isinstance(operation, CreateModel) and (migration.app_label, operation.name) == LOG
        for migration, is_backwards in plan
        for operation in migration.operations
    )
    if makes_log and not conf.may_destroy_log() and has_log(connections[using]) and Event.objects.using(using).exists():
        raise LogWouldBeLost(database=using, name=conf.DESTROY_LOG)


def protect_log(using: str, **_: Any) -> None:
    """Put back the triggers of the log, which a remade table (SQLite) has lost."""
    install(connections[using])


def advance_numbers(using: str, **_: Any) -> None:
    """Move the sequences that are behind their tables, as on a logical replica."""
    if router.allow_migrate_model(using, Event):
        advance_sequences(using)


def identify_log(using: str, **_: Any) -> None:
    """Give the log its identity, or another one after a flush."""
    if router.allow_migrate_model(using, Event) and has_log(connections[using]):
        log_id(using, afresh=True)


def install_functions(sender: Any, using: str, **_: Any) -> None:
    """Put back the functions of an app in the database, if they are missing or of another version."""
    routines.create_functions(sender.label, connections[using])


def connect_receivers(sequere_app: Any) -> None:
    """Connect all of them; called once, when the app is ready."""
    events_recorded.connect(project, dispatch_uid=PROJECT)
    pre_migrate.connect(keep_log, sender=sequere_app, dispatch_uid="sequere.keep_log")
    post_migrate.connect(protect_log, sender=sequere_app, dispatch_uid="sequere.protect_log")
    post_migrate.connect(advance_numbers, sender=sequere_app, dispatch_uid="sequere.advance_numbers")
    post_migrate.connect(identify_log, sender=sequere_app, dispatch_uid="sequere.identify_log")
    post_migrate.connect(install_functions, dispatch_uid="sequere.install_functions")
    class_prepared.connect(watch_proxy, dispatch_uid="sequere.watch_proxy")
    registry.observe(watch_deletions)
