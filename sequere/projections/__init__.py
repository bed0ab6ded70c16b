"""Projectors keep read models equal to the log. What the author of a projector needs is here."""

from sequere.projections.projector import Chunk, LevelTriggeredProjector, Projector
from sequere.projections.reconciler import Difference, Page, Pass, RowPass

__all__ = ["Chunk", "Difference", "LevelTriggeredProjector", "Page", "Pass", "Projector", "RowPass"]
