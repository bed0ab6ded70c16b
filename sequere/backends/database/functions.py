"""The functions of this read model in the database."""

from collections.abc import Mapping

from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.backends.database import lists
from sequere.backends.database import statements as relations
from sequere.sql.dialects import dialect
from sequere.sql.statements import statements_with


def relation_functions(connection: BaseDatabaseWrapper) -> Mapping[str, str]:
    """By name: those that apply relations, and that list them."""
    words = dialect(connection)
    if not words.has_routines:
        return {}
    fragments = {**relations.applying_fragments(words), **lists.listing_fragments(words)}
    return statements_with(__package__, connection.vendor, fragments)
