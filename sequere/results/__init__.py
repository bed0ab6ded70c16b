"""Lists that behave like querysets. What the author of a backend needs is here."""

from sequere.results.cursors import CursorPage, Place
from sequere.results.lazy import LazyList
from sequere.results.relations import Related, RelationList, load_relations
from sequere.results.suggestions import Suggestion, SuggestionList, load_suggestions, place_of, rank_at

__all__ = [
    "CursorPage",
    "LazyList",
    "Place",
    "Related",
    "RelationList",
    "Suggestion",
    "SuggestionList",
    "load_relations",
    "load_suggestions",
    "place_of",
    "rank_at",
]
