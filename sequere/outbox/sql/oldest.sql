-- The shards of a queue in which an event is due, each with its oldest one, and whether that is overdue.
-- {is_due}: see is_due.sql.
-- Parameters: the queue, the queue, the time before which an event is overdue, the queue, now.
-- Cost: two lookups for each shard. The shards are found one after the other, since a DISTINCT would read every event
-- that waits.
WITH RECURSIVE number (shard) AS (
    SELECT MIN(shard) FROM sequere_queuedevent WHERE queue = %s
    UNION ALL
    SELECT (SELECT MIN(shard) FROM sequere_queuedevent WHERE queue = %s AND shard > number.shard)
    FROM number WHERE shard IS NOT NULL
)
SELECT shard, event_id, recorded_at < %s FROM (
    SELECT shard, (
        SELECT event_id FROM sequere_queuedevent WHERE queue = %s AND shard = number.shard AND {is_due}
        ORDER BY event_id LIMIT 1
    ) AS event_id FROM number
) oldest JOIN sequere_event ON sequere_event.id = event_id
