"""Projectors keep read models equal to the log. What the author of a projector needs is here."""

from sequere.projections.projector import Chunk, LevelTriggeredProjector, Projector
from sequere.projections.reconciler import (
    Comparison,
    Cursor,
    Difference,
    KeySource,
    OrphanKeys,
    Page,
    Plan,
    Reconciler,
    RowKeys,
    SpanKeys,
)

__all__ = [
    "Chunk",
    "Comparison",
    "Cursor",
    "Difference",
    "KeySource",
    "LevelTriggeredProjector",
    "OrphanKeys",
    "Page",
    "Plan",
    "Projector",
    "Reconciler",
    "RowKeys",
    "SpanKeys",
]
