"""The functions of this read model in the database."""

from collections.abc import Mapping

from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.sql.dialects import dialect
from sequere.sql.statements import statements_with
from sequere_timeline.backends.database import private, reading


def timeline_functions(connection: BaseDatabaseWrapper) -> Mapping[str, str]:
    """By name: those that save an action, that apply follows, and that read private timelines."""
    words = dialect(connection)
    if not words.has_routines:
        return {}
    # The parameters of functions have the names of those of statements.
    parameters = {name: f"{name}_" for name in ("identifier", "object_id", "now", "date", "tie")}
    read = {name: text % parameters for name, text in reading.reading_fragments(words).items()}
    fragments = {**private.fragments_of_functions(words), **read}
    return statements_with(__package__, connection.vendor, fragments)
