-- Goes on after wanted.sql: `changed` has a row for each relation that is not stored as the log wants it, with what is
-- stored and where, and what is wanted, NULLs for nothing.
-- {columns}, {old_columns}: what is wanted and what is stored. {of_wanted}, {of_stored}: their values. {stored}: what
-- joins the stored relation. {row_id}: the column that says where it is. {differs_from}: compares rows.
-- Cost: a lookup for each relation.
, changed (from_uid, to_uid, place, {old_columns}, {columns}) AS (
    SELECT wanted.from_uid, wanted.to_uid, stored.{row_id}, {of_stored}, {of_wanted} FROM wanted LEFT JOIN {stored}
    WHERE ({of_stored}) {differs_from} ({of_wanted})
)
