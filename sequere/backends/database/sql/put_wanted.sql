-- Goes on after wanted.sql: the same where most relations are missing, and looking for them first would take long.
-- {of_relation}, {of_new}: what is stored, and what is put in its place.
-- Cost: a lookup for each relation.
{insert_relations} SELECT {graph}, from_uid, to_uid, {columns} FROM wanted WHERE event_id IS NOT NULL
{replace} WHERE ({of_relation}) {differs_from} ({of_new})
