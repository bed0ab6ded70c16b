-- Goes on after followed_entries.sql: without the entries that are older than what a trimmed timeline keeps.
-- Cost: a lookup for each.
AND NOT EXISTS (
    SELECT 1 FROM sequere_timeline_database_timelinestate s
    WHERE s.owner_identifier = r.identifier AND s.owner_object_id = r.object_id
    AND (s.floor_date > a.date OR (s.floor_date = a.date AND s.floor_action_id > a.id)))
