-- Locks some shards of a queue, one after the other, and takes the oldest events that are due there out of the queue.
-- An event that another process takes meanwhile is left to it. Takes and answers nothing if nothing is due, or if one
-- of the shards does not exist yet.
-- {shards}: a placeholder for each shard. {number}: how many. {is_due}: see is_due.sql. {limit}: how many events.
-- {lock}: what ends the lock.
-- Parameters: the queue, the shards; the queue, now; the queue; the queue, now, the time before which an event is
-- overdue. `left_in` as in due.sql.
-- Cost: an index is read in its order up to the limit, and each event is deleted.
WITH held AS MATERIALIZED (
    SELECT number FROM sequere_shard WHERE queue = %s AND number IN ({shards}) ORDER BY number {lock}
),
oldest AS MATERIALIZED (
    SELECT event_id FROM sequere_queuedevent
    WHERE (SELECT COUNT(*) FROM held) = {number} AND queue = %s AND shard IN (SELECT number FROM held) AND {is_due}
    ORDER BY event_id LIMIT {limit}
),
taken AS (
    DELETE FROM sequere_queuedevent WHERE queue = %s AND event_id = ANY (ARRAY(SELECT event_id FROM oldest))
    RETURNING event_id
)
SELECT sequere_event.*, (
    SELECT shard FROM (
        SELECT shard, event_id FROM sequere_queuedevent WHERE queue = %s AND {is_due} ORDER BY event_id LIMIT 1
    ) oldest JOIN sequere_event ON sequere_event.id = event_id WHERE recorded_at < %s
) AS left_in
FROM taken JOIN sequere_event ON sequere_event.id = event_id ORDER BY id
