-- Goes on after wanted.sql: `changed` has a row for each relation that is not stored as the log wants it, with the stored
-- follow and the wanted one, NULLs for none.
-- {old_columns}, {columns}: their columns. {of_stored}, {of_wanted}: the values. {stored}: what joins the stored follow.
-- {differs_from}: compares rows.
-- Cost: a lookup for each relation.
, changed ({old_columns}, {columns}) AS (
    SELECT {of_stored}, {of_wanted} FROM wanted LEFT JOIN {stored}
    WHERE ({of_stored}) {differs_from} ({of_wanted})
)
