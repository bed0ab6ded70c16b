"""The functions of this read model in the database."""

from collections.abc import Mapping

from django.db.backends.base.base import BaseDatabaseWrapper

from sequere.sql.dialects import dialect
from sequere.sql.statements import statements
from sequere_timeline.backends.database.hidden import body_of_function
from sequere_timeline.backends.database.private import fragments_of_functions


def timeline_functions(connection: BaseDatabaseWrapper) -> Mapping[str, str]:
    """By name: those that save an action, that apply follows, and that say whom somebody does not see."""
    words = dialect(connection)
    if not words.has_routines:
        return {}
    fragments = {**fragments_of_functions(words), "{hidden}": body_of_function(words)}
    texts = dict(statements(__package__, connection.vendor))
    for name, fragment in fragments.items():
        texts = {function: text.replace(name, fragment) for function, text in texts.items()}
    return texts
