"""An entry of a feed as a member of a sorted set: short, in ASCII, with everything that a filter needs.

    id reasons verb . [kind] . [target [: generation]] . actor

The id of the action comes first, its length before its digits: Redis orders equal scores by the bytes of their members,
and so by id. The rest are the numbers of the database (see `names`). All numbers but the generation are written in
base 64, with digits in the order of their bytes.
"""

from typing import NamedTuple

DIGITS = "-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"

#: A private feed has this member besides its entries, so that it exists even if it has none. Its score is that of the
#: oldest entry kept at the last cut: entries with a lower one are not shown.
FLOOR = ""


class Member(NamedTuple):
    """The parts of an entry: the id of the action, why it is there, and what filters ask for."""

    id: int
    reasons: int
    kind: str

    def __str__(self) -> str:
        return f"{beginning(self.id)}{self.reasons}{self.kind}"


def beginning(id_: int) -> str:
    """The beginning of all entries of an action, whatever their reasons."""
    digits = to_digits(id_)
    return f"{len(digits):x}{digits}"


#: No event has this id.
NO_ACTION = 0


def parse(member: str) -> Member:
    """The parts of an entry. One that nobody of ours has written is of no action: it is not shown, and a verification
    finds it."""
    try:
        end = 1 + int(member[0], 16)
        return Member(to_number(member[1:end]), int(member[end]), member[end + 1 :])
    except (IndexError, ValueError):
        return Member(NO_ACTION, 0, member)


def to_digits(number: int) -> str:
    digits = ""
    while number:
        number, place = divmod(number, 64)
        digits = DIGITS[place] + digits
    return digits or DIGITS[0]


def to_number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * 64 + DIGITS.index(digit)
    return number
