-- The resources that events name at one end, each once, in the order of their keys: a page of them.
-- {end}: the prefix of the columns of that end. {after}, {until}: whether a key lies behind the last one of the page
-- before, and not behind the last one of all. {join}, {next}: what joins the first event of the next key.
-- Parameters: the keys of both bounds, the size of the page, and the last key of all once more.
-- Cost: a lookup for each resource, however many events name it.
WITH RECURSIVE named (place, identifier, object_id) AS (
    SELECT 1, identifier, object_id FROM (
        SELECT {end}identifier AS identifier, {end}object_id AS object_id FROM sequere_event
        WHERE {after} AND {until} ORDER BY {end}identifier, {end}object_id LIMIT 1
    ) one
    UNION ALL
    SELECT place + 1, e.{end}identifier, e.{end}object_id FROM named {join} {next} WHERE place < %s AND {until}
)
SELECT identifier, object_id FROM named ORDER BY place
