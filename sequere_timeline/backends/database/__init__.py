"""Timelines in the database, through the ORM."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sequere_timeline.backends.database.backend import DatabaseBackend

__all__ = ["DatabaseBackend"]


def __getattr__(name: str) -> Any:
    # INSTALLED_APPS imports this package before models may be imported.
    if name == "DatabaseBackend":
        from sequere_timeline.backends.database.backend import DatabaseBackend

        return DatabaseBackend
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
