from typing import Any

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.lookups
import django.utils.timezone
from django.db import migrations, models

import sequere.log.models
from sequere.log.immutability import install


def protect(apps: Any, schema_editor: Any) -> None:
    install(schema_editor.connection)


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Resource",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "identifier", "object_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("identifier", models.CharField(max_length=50)),
                ("object_id", models.CharField(max_length=255)),
            ],
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("type", models.CharField(max_length=50, verbose_name="type")),
                ("stream", models.UUIDField(help_text="The history this event belongs to.", verbose_name="stream")),
                (
                    "version",
                    models.PositiveIntegerField(help_text="Its number in the stream, from 1.", verbose_name="version"),
                ),
                ("actor_identifier", models.CharField(max_length=50, verbose_name="actor")),
                ("actor_object_id", models.CharField(max_length=255, verbose_name="actor's key")),
                ("target_identifier", models.CharField(blank=True, max_length=50, verbose_name="target")),
                ("target_object_id", models.CharField(blank=True, max_length=255, verbose_name="target's key")),
                ("verb", models.CharField(blank=True, max_length=255, verbose_name="verb")),
                (
                    "occurred_at",
                    models.DateTimeField(
                        help_text="When it happened, according to the caller.", verbose_name="occurred at"
                    ),
                ),
                (
                    "recorded_at",
                    models.DateTimeField(help_text="When it was recorded.", verbose_name="recorded at"),
                ),
                ("data", models.JSONField(blank=True, default=dict, verbose_name="data")),
                ("metadata", models.JSONField(blank=True, default=dict, verbose_name="metadata")),
                ("schema_version", models.PositiveSmallIntegerField(default=1, verbose_name="schema version")),
                (
                    "idempotency_key",
                    models.CharField(blank=True, max_length=255, null=True, verbose_name="idempotency key"),
                ),
            ],
            options={
                "verbose_name": "event",
                "verbose_name_plural": "events",
                "default_permissions": ("view",),
                "permissions": (("export_event", "Can export events"),),
                "indexes": [
                    models.Index(fields=["target_identifier", "target_object_id", "id"], name="sequere_event_target"),
                    models.Index(condition=models.Q(("version", 1)), fields=["type", "id"], name="sequere_event_first"),
                    models.Index(fields=["actor_identifier", "actor_object_id", "id"], name="sequere_event_actor"),
                    models.Index(
                        condition=models.Q(("type", "followed"), ("version", 1)),
                        fields=["actor_identifier", "actor_object_id", "id"],
                        name="sequere_event_relation",
                    ),
                    models.Index(
                        sequere.log.models.CorrelationId(),
                        models.F("id"),
                        condition=models.Q(django.db.models.lookups.IsNull(sequere.log.models.CorrelationId(), False)),
                        name="sequere_event_correlation",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("stream", "version"), name="sequere_event_version"),
                    models.UniqueConstraint(
                        condition=models.Q(("idempotency_key__isnull", False)),
                        fields=("idempotency_key",),
                        name="sequere_event_idempotency",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Shard",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "queue", "number", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("queue", models.CharField(max_length=100)),
                ("number", models.PositiveSmallIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="QueuedEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "queue", "event_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("queue", models.CharField(max_length=100, verbose_name="projection")),
                ("shard", models.PositiveSmallIntegerField()),
                ("stream", models.UUIDField()),
                ("cursor", models.JSONField(null=True)),
                ("reached", models.PositiveIntegerField(db_default=0, verbose_name="reached")),
                ("attempts", models.PositiveSmallIntegerField(default=0, verbose_name="attempts")),
                ("retry_at", models.DateTimeField(null=True, verbose_name="next attempt")),
                ("parked_at", models.DateTimeField(null=True, verbose_name="parked at")),
                ("error", models.TextField(blank=True, verbose_name="error")),
                ("traceback", models.TextField(blank=True, verbose_name="traceback")),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="sequere.event",
                    ),
                ),
            ],
            options={
                "verbose_name": "queued event",
                "verbose_name_plural": "queued events",
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["queue", "shard", "event"], name="sequere_queue_shard"),
                    models.Index(
                        condition=models.Q(("attempts__gt", 0)),
                        fields=["queue", "stream", "event"],
                        name="sequere_queue_failed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Projection",
            fields=[("name", models.CharField(max_length=100, primary_key=True, serialize=False))],
            options={
                "verbose_name": "projection",
                "verbose_name_plural": "projections",
                "managed": False,
                "base_manager_name": "objects",
                "default_permissions": ("view",),
                "permissions": (
                    ("drain_projection", "Can apply pending events of a projection"),
                    ("retry_projection", "Can retry failed events of a projection"),
                    ("skip_projection", "Can skip failed events of a projection"),
                    ("rebuild_projection", "Can rebuild a projection"),
                    ("verify_projection", "Can verify a projection"),
                ),
            },
        ),
        migrations.CreateModel(
            name="Rebuild",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("projection", models.CharField(max_length=100, verbose_name="projection")),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="started at")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
                ("left_at", models.DateTimeField(null=True)),
                ("told_at", models.DateTimeField(null=True)),
                ("passes", models.JSONField(default=list)),
                ("state", models.JSONField(default=dict)),
                ("total", models.BigIntegerField(default=0, verbose_name="total")),
                ("done", models.BigIntegerField(default=0, verbose_name="done")),
                ("wrong", models.BigIntegerField(default=0, verbose_name="repaired")),
                ("error", models.TextField(blank=True, verbose_name="error")),
            ],
            options={
                "verbose_name": "rebuild",
                "verbose_name_plural": "rebuilds",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at__isnull", True)),
                        fields=("projection",),
                        name="sequere_rebuild_one",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Slice",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("stage", models.PositiveSmallIntegerField()),
                ("cursor", models.JSONField(null=True)),
                ("until", models.JSONField(null=True)),
                ("total", models.BigIntegerField(default=0)),
                ("done", models.BigIntegerField(default=0)),
                ("wrong", models.BigIntegerField(default=0)),
                ("seconds", models.FloatField(default=0)),
                ("worked_at", models.DateTimeField(null=True)),
                ("is_done", models.BooleanField(default=False)),
                (
                    "rebuild",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="slices", to="sequere.rebuild"
                    ),
                ),
            ],
        ),
        migrations.RunPython(protect, migrations.RunPython.noop),
    ]
