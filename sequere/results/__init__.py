"""Lists that behave like querysets. What the author of a backend needs is here."""

from sequere.results.cursors import CursorPage, Place
from sequere.results.lazy import LazyList
from sequere.results.relations import Related, RelationList, load_relations

__all__ = ["CursorPage", "LazyList", "Place", "Related", "RelationList", "load_relations"]
