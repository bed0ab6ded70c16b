-- The oldest events that are due in some shards of a queue. `left_in` is the same in every row: the shard of the oldest
-- event that is due in the whole queue, if that event is overdue; else NULL.
-- {shards}: a placeholder for each shard. {is_due}: see is_due.sql. {limit}: how many events.
-- Parameters: the queue, now, the time before which an event is overdue; the queue, the shards, now.
-- Cost: an index is read in its order up to the limit.
SELECT sequere_event.*, (
    SELECT shard FROM (
        SELECT shard, event_id FROM sequere_queuedevent WHERE queue = %s AND {is_due} ORDER BY event_id LIMIT 1
    ) oldest JOIN sequere_event ON sequere_event.id = event_id WHERE recorded_at < %s
) AS left_in
FROM sequere_queuedevent JOIN sequere_event ON sequere_event.id = event_id
WHERE queue = %s AND shard IN ({shards}) AND {is_due} ORDER BY event_id LIMIT {limit}
