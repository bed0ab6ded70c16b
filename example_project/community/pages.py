"""Pages of a list, each of which begins where the one before has ended."""

from typing import Any

from django.http import HttpRequest

PER_PAGE = 20


def page_of(request: HttpRequest, items: Any) -> Any:
    """The page of a list of Sequere's that the address asks for. 1 query, and 1 for each kind of what is on it.

    Raises InvalidCursor, which Django answers with 400.
    """
    return items.page(PER_PAGE, request.GET.get("older"))
