"""Metrics that each process counts: receivers of the signals of the outbox.

They are counters and histograms only, so that they add up over processes.
"""

from collections import Counter as Tally
from collections.abc import Sequence
from typing import Any

from prometheus_client import REGISTRY, Counter, Histogram

from sequere.contrib.prometheus.collector import OutboxCollector
from sequere.log.models import Event
from sequere.log.recording import types_of
from sequere.signals import events_projected, events_recorded, fan_out_advanced, projection_failed
from sequere.sql.commits import after_commit

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LONG = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3600, 14400, 86400)
_FOLLOWERS = (0, 1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000)

EVENTS_RECORDED = Counter("sequere_events_recorded_total", "Events that were recorded and committed.", ["type"])
EVENTS_APPLIED = Counter("sequere_events_applied_total", "Events that a queue has applied.", ["queue", "type"])
EVENTS_FAILED = Counter(
    "sequere_events_failed_total", "Attempts to apply an event that have failed.", ["queue", "type"]
)
EVENTS_PARKED = Counter("sequere_events_parked_total", "Events that have failed too often.", ["queue", "type"])
DRAIN_SECONDS = Histogram(
    "sequere_drain_seconds", "Seconds that a batch took to be applied.", ["queue"], buckets=_SECONDS
)
LAG_SECONDS = Histogram(
    "sequere_lag_seconds", "Seconds from record to commit of the oldest event of a batch.", ["queue"], buckets=_LONG
)
FAN_OUT_FOLLOWERS = Histogram(
    "sequere_fan_out_followers", "Followers that a finished fan-out has reached.", buckets=_FOLLOWERS
)
FOLLOWERS_REACHED = Counter("sequere_followers_reached_total", "Followers that fan-outs have reached.")
FAN_OUT_STEP_SECONDS = Histogram(
    "sequere_fan_out_step_seconds", "Seconds that a step of a fan-out took.", buckets=_SECONDS
)

REGISTRY.register(OutboxCollector())


def count_recorded(events: Sequence[Event], using: str, **_: Any) -> None:
    tally = types_of(events)

    def count() -> None:
        for type_, number in tally.items():
            EVENTS_RECORDED.labels(type_).inc(number)

    after_commit(count, using)


def count_applied(queue: str, events: Sequence[Event], seconds: float, lag: float, **_: Any) -> None:
    for type_, number in Tally(event.type for event in events).items():
        EVENTS_APPLIED.labels(queue, type_).inc(number)
    DRAIN_SECONDS.labels(queue).observe(seconds)
    LAG_SECONDS.labels(queue).observe(lag)


def count_failure(queue: str, event: Event, is_parked: bool, **_: Any) -> None:
    EVENTS_FAILED.labels(queue, event.type).inc()
    if is_parked:
        EVENTS_PARKED.labels(queue, event.type).inc()


def count_followers(followers: int, reached: int, is_finished: bool, seconds: float, **_: Any) -> None:
    FOLLOWERS_REACHED.inc(followers)
    FAN_OUT_STEP_SECONDS.observe(seconds)
    if is_finished:
        FAN_OUT_FOLLOWERS.observe(reached)


RECEIVERS = (
    (events_recorded, count_recorded),
    (events_projected, count_applied),
    (projection_failed, count_failure),
    (fan_out_advanced, count_followers),
)


def connect_metrics() -> None:
    """Connect the receivers. Called once, when the app is ready."""
    for signal, receiver in RECEIVERS:
        signal.connect(receiver, dispatch_uid=f"{__name__}.{receiver.__name__}")
