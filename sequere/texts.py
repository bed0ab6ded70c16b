"""Texts that every database can store: the one place that says so, for whatever a caller, a client or a host names."""

from typing import Any


def why_not_storable(text: Any, max_length: int | None = None) -> str | None:
    """Why a value is not a text that every database can store, without NUL and lone surrogates; None if it is one."""
    if not isinstance(text, str):
        return f"it is a {type(text).__name__}, not a text"
    if max_length is not None and len(text) > max_length:
        return f"it is longer than {max_length} characters"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "it contains a lone surrogate"
    return "it contains a NUL character" if "\x00" in text else None


def is_storable(text: Any, max_length: int | None = None) -> bool:
    """Whether every database can store a text. Nothing has one that is not: a question about it need not be asked."""
    return why_not_storable(text, max_length) is None


def storable(text: str) -> str:
    """A text as every database can store it."""
    return text.encode(errors="replace").decode().replace("\x00", "\N{REPLACEMENT CHARACTER}")
