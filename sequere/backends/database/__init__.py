"""Follows in the database, through the ORM."""

from typing import TYPE_CHECKING

from sequere.lazy_imports import lazily

if TYPE_CHECKING:
    from sequere.backends.database.backend import DatabaseBackend

__all__ = ["DatabaseBackend"]

__getattr__ = lazily(__name__, DatabaseBackend="sequere.backends.database.backend")
