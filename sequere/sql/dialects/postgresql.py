"""The words of PostgreSQL.

Where it is wrong about the size of a table it may read all of it, for joins as for lists. LATERAL, LIMIT and arrays
leave it no choice but to look up row by row.
"""

from collections.abc import Iterable
from typing import Any

from django.db import DatabaseError, models

from sequere.primary_keys import DECIMALS, INTEGERS, TEXTS, UUIDS
from sequere.sql.dialects.base import Dialect

LOCK_NOT_AVAILABLE, QUERY_CANCELED, UNIQUE_VIOLATION = "55P03", "57014", "23505"


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
    timeouts = ("lock_timeout", "idle_in_transaction_session_timeout")
    options_for_speed = ("server_side_binding", "prepare_threshold")

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

    def join_first_rows(self, table: str, name: str, condition: str, order: str, limit: int) -> str:
        rows = f"SELECT {name}.* FROM {table} {name} WHERE {condition} ORDER BY {order} LIMIT {limit}"
        return f"LATERAL ({rows}) {name} ON true"

    def is_among(self, select: str) -> str:
        return f"= ANY (ARRAY({select}))"

    def limit(self, size: int | None, start: int) -> str:
        return " ".join([f"LIMIT {size}"] * (size is not None) + [f"OFFSET {start}"] * (start > 0))

    def json_text(self, column: str, key: str, length: int) -> str:
        return f"LEFT({column} ->> '{key}', {length})"

    def json_text_of_last(self, column: str, key: str, place: int) -> str:
        return f"({column} #>> '{{{key},-1,{place}}}')"

    def stream(self, kind: str, columns: Iterable[str]) -> str:
        return f"ENCODE({self._stream_bytes(kind, columns)}, 'hex')::uuid"

    def is_in_stream(self, kind: str, columns: Iterable[str]) -> str:
        return f"UUID_SEND(stream) = {self._stream_bytes(kind, columns)}"

    def _stream_bytes(self, kind: str, columns: Iterable[str]) -> str:
        # Bytes, since a text cannot contain NUL.
        keys = "".join(f" || '\\x00'::bytea || convert_to({column}, 'UTF8')" for column in columns)
        return f"SUBSTR(SHA256('{kind}'::bytea{keys}), 1, 16)"

    begins_with_exists = True
    for_each_row = "OFFSET 0"

    def text_of_key(self, held: str | None, column: str) -> str | None:
        texts = {INTEGERS: "{}::text", TEXTS: '{}::text COLLATE "default"', UUIDS: "{}::text"}
        texts[DECIMALS] = "TRIM_SCALE({})::text"
        return texts[held].format(column) if held in texts else None

    def key_of_text(self, held: str | None, text: str, collation: str | None) -> str:
        if held == INTEGERS:
            in_range = f"{text}::numeric BETWEEN {-(2**63)} AND {2**63 - 1}"
            integer = f"CASE WHEN {in_range} THEN {text}::bigint END"
            return f"CASE WHEN {text} ~ '^-?[0-9]{{1,19}}$' THEN {integer} END"
        if held == UUIDS:
            return f"CASE WHEN {text} ~ '^[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$' THEN {text}::uuid END"
        if held == DECIMALS:
            return f"CASE WHEN {text} ~ '^-?[0-9]+([.][0-9]+)?$' THEN {text}::numeric END"
        return f'{text} COLLATE "{collation}"' if collation else text

    def last_number(self, model: type[models.Model], column: str) -> str:
        return f"SELECT pg_sequence_last_value({self._sequence(model, column)})"

    def move_sequence(self, model: type[models.Model], column: str, number: int) -> str:
        return f"SELECT setval({self._sequence(model, column)}, {number})"

    def _sequence(self, model: type[models.Model], column: str) -> str:
        return f"pg_get_serial_sequence('{self.table(model)}', '{column}')::regclass"

    def has_waited_for_lock(self, error: DatabaseError) -> bool:
        cause: Any = error.__cause__
        state = getattr(cause, "sqlstate", None)
        # Of a statement that is cancelled, only the context says why it took so long.
        return state == LOCK_NOT_AVAILABLE or (
            state == QUERY_CANCELED and "while locking tuple" in (cause.diag.context or "")
        )

    def table_with_taken_number(self, error: DatabaseError) -> str:
        cause: Any = error.__cause__
        if getattr(cause, "sqlstate", None) != UNIQUE_VIOLATION:
            return ""
        table = str(cause.diag.table_name)
        return table if cause.diag.constraint_name == f"{table}_pkey" else ""

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
