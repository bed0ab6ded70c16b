"""Pages of a list with cursors."""

from typing import Any

from django.http import HttpRequest

PER_PAGE = 20


def page_of(request: HttpRequest, items: Any) -> Any:
    """The page of a list that the URL asks for. 1 query, and 1 for each model on it.

    Raises InvalidCursor, which Django answers with 400.
    """
    return items.page(PER_PAGE, request.GET.get("older"))
