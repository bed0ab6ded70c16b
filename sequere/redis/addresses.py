"""Addresses of servers with a password in them, of which no part may be shown."""

from urllib.parse import parse_qsl, urlsplit

QUOTE = "quote user and password with urllib.parse.quote(…, safe='')"
UNQUOTED = f"has a character in its password that ends the address: {QUOTE}"

#: Parameters of a URL that may have an @.
_FREE = {"client_name", "password", "username"}


def is_quoted(url: str) -> bool:
    """Whether an address ends where its password does not. Otherwise the first characters of a password would count as
    the name of the server, or as its port, and stand in every error.
    """
    scheme, separator, _rest = url.partition("://")
    if not separator or scheme == "unix":
        return True
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises, if it is not a number
    except ValueError:
        return False
    parameters = parse_qsl(parts.query, keep_blank_values=True)
    behind = [parts.path, parts.fragment, *(name + value for name, value in parameters if name not in _FREE)]
    return not any("@" in part for part in behind)
