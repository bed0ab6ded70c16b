"""Replay: read the log, and make the read models what it says, or say where they are not. What hosts and operators
call is here."""

from sequere.replay.handover import hand_over
from sequere.replay.rebuilding import finish, rebuild, start, work
from sequere.replay.verifying import Report, Sample, preview, verifiable, verify

__all__ = ["Report", "Sample", "finish", "hand_over", "preview", "rebuild", "start", "verifiable", "verify", "work"]
