"""What a dialect has to say, and what PostgreSQL and SQLite say alike."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import ClassVar

from django.db import DatabaseError, models


class Dialect(ABC):
    """The words of a database. Statements are put together from them once, not each time that they are sent."""

    #: Whether a WITH clause may write, so that one statement changes several tables.
    writes_in_with: ClassVar[bool]
    #: Whether statements that follow each other are sent as functions of the database (`sequere.sql.routines`).
    has_routines: ClassVar[bool]
    #: What begins a transaction if autocommit is off; "" if the first statement of any kind does.
    begin: ClassVar[str] = ""
    #: Compares two rows, with NULLs as equal.
    differs_from: ClassVar[str]
    #: The aggregate that joins texts: `join_texts(column, ' ')`.
    join_texts: ClassVar[str]
    #: The collation that sorts texts as Python does.
    order_of_python: ClassVar[str]
    #: The column that says where a row is, in one statement.
    row_id: ClassVar[str]
    #: A time before all others.
    earliest: ClassVar[str]
    #: Ends a SELECT: lock its rows, one after the other.
    lock: ClassVar[str]
    #: Asks for the isolation level of the current transaction; None if the database knows only one.
    isolation_level: ClassVar[str | None]
    #: The settings of the database that end a session which keeps others waiting.
    timeouts: ClassVar[Sequence[str]] = ()
    #: The options of a connection with which it plans a statement once.
    options_for_speed: ClassVar[Sequence[str]] = ()

    # Rows as a parameter

    #: SELECTs {columns} of a JSON array with {rows} rows, which is a parameter.
    given_rows: ClassVar[str]

    @abstractmethod
    def constant(self, column: str, type_: str) -> str:
        """A column that is the same in all rows, as a parameter of its own."""

    @abstractmethod
    def element(self, place: int, column: str, type_: str, *, is_json: bool) -> str:
        """A column from a place in each row."""

    # Lookups, each in an index whatever the database believes about the sizes of tables

    #: Joins to each row on the left what is on the right, never the other way round.
    join: ClassVar[str]

    @abstractmethod
    def join_last_event(self, table: str, name: str, stream: str, condition: str) -> str:
        """What JOIN and LEFT JOIN take: the last event of a stream under a name, if it meets a condition."""

    @abstractmethod
    def join_row(self, table: str, name: str, condition: str) -> str:
        """What JOIN and LEFT JOIN take: the row that meets a condition on a unique key, under a name."""

    @abstractmethod
    def join_first_rows(self, table: str, name: str, condition: str, order: str, limit: int) -> str:
        """What JOIN takes: the first rows that meet a condition, in an order that an index has, under a name."""

    @abstractmethod
    def is_among(self, select: str) -> str:
        """What follows a column: whether it is among the values of a SELECT."""

    @abstractmethod
    def limit(self, size: int | None, start: int) -> str:
        """Ends a SELECT: `size` rows from a position on, or all of them."""

    # Values

    @abstractmethod
    def json_text(self, column: str, key: str, length: int) -> str:
        """The text under a key of a JSON object, cut at some length; NULL if there is none."""

    @abstractmethod
    def json_text_of_last(self, column: str, key: str, place: int) -> str:
        """The text at a place of the last array in an array under a key of a JSON object; NULL if there is none."""

    def text(self, text: str) -> str:
        """A text of our own, as a constant in a statement."""
        return "'" + text.replace("'", "''").replace("%", "%%") + "'"

    @abstractmethod
    def stream(self, kind: str, columns: Iterable[str]) -> str:
        """`stream_of()` of keys in columns."""

    def is_in_stream(self, kind: str, columns: Iterable[str]) -> str:
        """Whether that is what the column `stream` has."""
        return f"stream = {self.stream(kind, columns)}"

    # Primary keys of a host's tables (`sequere.primary_keys`)

    #: Whether a condition EXISTS (…) may be where a statement begins, and not only a question about each row.
    begins_with_exists: ClassVar[bool]
    #: Ends a SELECT in EXISTS (…): ask it of each row.
    for_each_row: ClassVar[str] = ""

    @abstractmethod
    def text_of_key(self, held: str | None, column: str) -> str | None:
        """The text of a primary key, from a column that holds INTEGERS, TEXTS …; None if SQL does not make the same
        texts."""

    @abstractmethod
    def key_of_text(self, held: str | None, text: str, collation: str | None) -> str:
        """The primary key that has a text, to be looked up in such a column; anything, such as NULL, if none has it."""

    # Numbers that the database hands out

    @abstractmethod
    def last_number(self, model: type[models.Model], column: str) -> str:
        """SELECTs the last number that a column was given; no row, or NULL, if it was given none."""

    @abstractmethod
    def move_sequence(self, model: type[models.Model], column: str, number: int) -> str:
        """Has the next number of a column be a larger one."""

    # Errors

    def has_waited_for_lock(self, error: DatabaseError) -> bool:
        """Whether a statement has ended because another transaction held a lock for too long."""
        return False

    def table_with_taken_number(self, error: DatabaseError) -> str:
        """The table for whose new row its sequence gave a number that another row has; empty for another error."""
        return ""

    # Triggers

    @abstractmethod
    def triggers_of(self, table: str) -> str:
        """SELECTs the triggers of a table that are always at work: the name, the definition, and the body of the
        function that it runs, NULL if there is none."""

    @abstractmethod
    def drop_trigger(self, name: str, table: str) -> str:
        """Drops a trigger if it is there."""

    # What both say. MariaDB would say ON DUPLICATE KEY UPDATE.

    def quote(self, name: str) -> str:
        return f'"{name}"'

    def table(self, model: type[models.Model]) -> str:
        return self.quote(model._meta.db_table)

    def insert_into(self, model: type[models.Model], columns: Sequence[str]) -> str:
        """`INSERT INTO table (columns)`, to be followed by a SELECT."""
        return f"INSERT INTO {self.table(model)} ({self._names(columns)})"

    def on_conflict_update(self, model: type[models.Model], unique: Sequence[str], **changes: str) -> str:
        """Ends an INSERT: change the row that has the same `unique` columns. {old} and {new} in a change are the two
        values of its column."""
        table = self.table(model)
        assignments = [
            f"{self.quote(column)} = "
            + change.format(old=f"{table}.{self.quote(column)}", new=self.new_value(self.quote(column)))
            for column, change in changes.items()
        ]
        return f"ON CONFLICT ({self._names(unique)}) DO UPDATE SET {', '.join(assignments)}"

    def new_value(self, column: str) -> str:
        """In `on_conflict_update()`: what the INSERT would put into a column."""
        return f"EXCLUDED.{column}"

    def on_conflict_lock(self, unique: Sequence[str]) -> str:
        """Ends an INSERT: lock the row that has the same `unique` columns, and leave it as it is."""
        return f"ON CONFLICT ({self._names(unique)}) DO UPDATE SET {self.quote(unique[0])} = NULL WHERE false"

    def on_conflict_ignore(self, *unique: str) -> str:
        """Ends an INSERT: leave a row that has the same `unique` columns as it is; by default, any unique key."""
        return f"ON CONFLICT {f'({self._names(unique)}) ' if unique else ''}DO NOTHING"

    def returning(self, what: str) -> str:
        """Ends a statement that writes: it returns something of each row."""
        return f"RETURNING {what}"

    def _names(self, columns: Sequence[str]) -> str:
        return ", ".join(map(self.quote, columns))
