"""The outbox: events that a projection has not applied yet. What hosts and operators call is here."""

from sequere.outbox.drain import drain_all
from sequere.outbox.enqueue import end_fan_outs, start_fan_out
from sequere.outbox.parked import retry, skip

__all__ = ["drain_all", "end_fan_outs", "retry", "skip", "start_fan_out"]
