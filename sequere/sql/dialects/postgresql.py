"""The words of PostgreSQL.

Where it is wrong about the size of a table it may read all of it, for joins as for lists. LATERAL, LIMIT and arrays
leave it no choice but to look up row by row.
"""

from collections.abc import Iterable

from django.db import models

from sequere.sql.dialects.base import Dialect


class PostgreSQL(Dialect):
    writes_in_with = True
    has_routines = True
    differs_from = "IS DISTINCT FROM"
    join_texts = "string_agg"
    order_of_python = '"C"'
    row_id = "ctid"
    earliest = "'-infinity'::timestamptz"
    # Weaker than FOR UPDATE: foreign keys of a host may refer to the rows.
    lock = "FOR NO KEY UPDATE"
    isolation_level = "SHOW transaction_isolation"

    # LIMIT says how many rows there are: otherwise it guesses 100, and may read a table to look up one row.
    given_rows = "SELECT {columns} FROM (SELECT * FROM jsonb_array_elements(%s::jsonb) LIMIT {rows}) AS r (value)"

    def constant(self, column: str, type_: str) -> str:
        return f"%s::{_castable(type_)} AS {column}"

    def element(self, place: int, column: str, type_: str, *, is_json: bool) -> str:
        if is_json:
            return f"NULLIF(r.value -> {place}, 'null') AS {column}"
        return f"(r.value ->> {place})::{_castable(type_)} AS {column}"

    join = "JOIN"  # LATERAL says the order

    def join_last_event(self, table: str, name: str, stream: str, condition: str) -> str:
        last = f"SELECT * FROM {table} WHERE stream = {stream} ORDER BY version DESC LIMIT 1"
        return f"LATERAL ({last}) {name} ON {condition}"

    def join_row(self, table: str, name: str, condition: str) -> str:
        return f"LATERAL (SELECT {name}.ctid, {name}.* FROM {table} {name} WHERE {condition} LIMIT 1) {name} ON true"

    def is_among(self, select: str) -> str:
        return f"= ANY (ARRAY({select}))"

    def limit(self, size: int | None, start: int) -> str:
        return " ".join([f"LIMIT {size}"] * (size is not None) + [f"OFFSET {start}"] * (start > 0))

    def json_text(self, column: str, key: str, length: int) -> str:
        return f"LEFT({column} ->> '{key}', {length})"

    def json_text_of_last(self, column: str, key: str, place: int) -> str:
        return f"({column} #>> '{{{key},-1,{place}}}')"

    def stream(self, kind: str, columns: Iterable[str]) -> str:
        # Bytes, since a text cannot contain NUL.
        keys = "".join(f" || '\\x00'::bytea || convert_to({column}, 'UTF8')" for column in columns)
        return f"ENCODE(SUBSTR(SHA256('{kind}'::bytea{keys}), 1, 16), 'hex')::uuid"

    def last_number(self, model: type[models.Model], column: str) -> str:
        return f"SELECT pg_sequence_last_value({self._sequence(model, column)})"

    def move_sequence(self, model: type[models.Model], column: str, number: int) -> str:
        return f"SELECT setval({self._sequence(model, column)}, {number})"

    def _sequence(self, model: type[models.Model], column: str) -> str:
        return f"pg_get_serial_sequence('{self.table(model)}', '{column}')::regclass"

    def triggers_of(self, table: str) -> str:
        # One that is disabled, or at work in replicas only, is a missing one.
        return (
            "SELECT tgname, pg_get_triggerdef(t.oid, true), prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid"
            f" WHERE tgrelid = to_regclass('{table}') AND tgenabled IN ('O', 'A')"
        )

    def drop_trigger(self, name: str, table: str) -> str:
        return f"DROP TRIGGER IF EXISTS {name} ON {table}"


def _castable(type_: str) -> str:
    # A cast to varchar(n) would cut silently; assigning a longer text raises.
    return "text" if type_.startswith("varchar") else type_
