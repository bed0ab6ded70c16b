"""The words of SQLite."""

from collections.abc import Iterable

from django.db import models

from sequere.primary_keys import INTEGERS, TEXTS, UUIDS
from sequere.sql.dialects.base import Dialect


class SQLite(Dialect):
    writes_in_with = False
    has_routines = False
    begin = "BEGIN IMMEDIATE"
    differs_from = "IS NOT"
    join_texts = "group_concat"
    order_of_python = "BINARY"
    row_id = "rowid"
    earliest = "''"
    # A writer has locked the whole database.
    lock = ""
    isolation_level = None

    given_rows = "SELECT {columns} FROM json_each(%s) AS r"

    def constant(self, column: str, type_: str) -> str:
        return f"%s AS {column}"

    def element(self, place: int, column: str, type_: str, *, is_json: bool) -> str:
        return f"json_extract(r.value, '$[{place}]') AS {column}"

    join = "CROSS JOIN"

    def join_last_event(self, table: str, name: str, stream: str, condition: str) -> str:
        last = f"SELECT id FROM {table} WHERE stream = {stream} ORDER BY version DESC LIMIT 1"
        return f"{table} {name} ON {name}.id = ({last}) AND {condition}"

    def join_row(self, table: str, name: str, condition: str) -> str:
        return f"{table} {name} ON {condition}"

    def join_first_rows(self, table: str, name: str, condition: str, order: str, limit: int) -> str:
        rows = f"SELECT {name}.rowid FROM {table} {name} WHERE {condition} ORDER BY {order} LIMIT {limit}"
        return f"{table} {name} ON {name}.rowid IN ({rows})"

    def is_among(self, select: str) -> str:
        return f"IN ({select})"

    def limit(self, size: int | None, start: int) -> str:
        return f"LIMIT {-1 if size is None else size} OFFSET {start}"

    def json_text(self, column: str, key: str, length: int) -> str:
        return f"SUBSTR(JSON_EXTRACT({column}, '$.{key}'), 1, {length})"

    def json_text_of_last(self, column: str, key: str, place: int) -> str:
        return f"JSON_EXTRACT({column}, '$.{key}[#-1][{place}]')"

    def stream(self, kind: str, columns: Iterable[str]) -> str:
        # Django defines SHA256 for SQLite.
        keys = "".join(f" || CHAR(0) || {column}" for column in columns)
        return f"SUBSTR(SHA256('{kind}'{keys}), 1, 32)"

    begins_with_exists = False

    def text_of_key(self, held: str | None, column: str) -> str | None:
        # Decimals are floating-point numbers, whose texts are not exact.
        parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
        texts = {
            INTEGERS: f"CAST({column} AS TEXT)",
            TEXTS: f"{column} COLLATE BINARY",
            UUIDS: " || '-' || ".join(f"SUBSTR({column}, {start}, {length})" for start, length in parts),
        }
        return texts.get(held or "")

    def key_of_text(self, held: str | None, text: str, collation: str | None) -> str:
        keys = {INTEGERS: f"CAST({text} AS INTEGER)", UUIDS: f"REPLACE({text}, '-', '')"}
        return keys.get(held or "", text)

    def last_number(self, model: type[models.Model], column: str) -> str:
        return f"SELECT seq FROM sqlite_sequence WHERE name = '{model._meta.db_table}'"

    def move_sequence(self, model: type[models.Model], column: str, number: int) -> str:
        name = model._meta.db_table
        # There is a row only if a number was handed out.
        row = f"(SELECT rowid FROM sqlite_sequence WHERE name = '{name}')"
        return f"REPLACE INTO sqlite_sequence (rowid, name, seq) SELECT {row}, '{name}', {number}"

    def triggers_of(self, table: str) -> str:
        return f"SELECT name, sql, NULL FROM sqlite_master WHERE type = 'trigger' AND tbl_name = '{table}'"

    def drop_trigger(self, name: str, table: str) -> str:
        return f"DROP TRIGGER IF EXISTS {name}"
