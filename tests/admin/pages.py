"""Reading pages of the admin."""

import re
from typing import Any

EVENTS = "/admin/sequere/event/"
PROJECTIONS = "/admin/sequere/projection/"


def text_of(response: Any) -> str:
    """The text of the page, without the sidebar and the header."""
    html = response.content.decode()
    main = html[html.index('<main id="content-start"') :]
    return " ".join(re.sub(r"<[^>]+>", " ", main.partition("</main>")[0]).split())


def events_on(response: Any) -> list[int]:
    """The ids of the events in a list, in its order."""
    return [
        int(id_) for id_ in re.findall(rf'<th scope="row"><a href="{EVENTS}(\d+)/change/">', response.content.decode())
    ]


def link(response: Any, text: str) -> str:
    """The target of the link with this text."""
    found = re.search(rf'<a href="([^"]*)"[^>]*>[^<]*{re.escape(text)}', response.content.decode())
    assert found, text_of(response)
    return found[1].replace("&amp;", "&")
