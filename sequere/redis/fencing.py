"""Fencing tokens: a writer that another one has overtaken is refused.

A writer draws a token after it has locked what it is going to write about, and before it reads the log. Each script
refuses a token that is smaller than the last one that it has seen there. So a process that has lost its locks, and does
not know it yet, cannot overwrite a newer state with its old one.
"""

from typing import NamedTuple

from sequere.redis.scripts import load

#: How the error of a refused writer begins; `lua/_stale.lua` makes it.
STALE = "SEQUERE-STALE"

#: How the error begins that says that the read model belongs to another log; `lua/_lost.lua` makes it.
_LOST = "SEQUERE-LOST"

DRAW_TOKEN = load("sequere.redis", "draw_token")


class LockedWriter(NamedTuple):
    """A writer that has locked what it writes about."""

    #: Its fencing token.
    token: int
    #: The last event that it could see while it had the locks.
    last_event: int


def is_refusal(answer: object) -> bool:
    """Whether a script has refused the token of its caller."""
    return STALE in str(answer)


def is_of_another_log(answer: object) -> bool:
    """Whether a script has found that what is stored belongs to another log."""
    return _LOST in str(answer)
