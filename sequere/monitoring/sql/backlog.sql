-- How many events of a queue wait, how many are parked, how many have failed again and are retried; the oldest event, and
-- the oldest one that no parked event holds up. One SELECT for each queue.
-- {number}: the position of the queue among those asked for. {counted}: where counting ends.
-- Parameters: the queue, five times. SQLite finds the index of failed events by the words of its condition.
-- Cost: at most {counted} rows of an index for each count, a lookup for the oldest event, and one in an index of the failed
-- events for each that a parked one holds up.
SELECT {number},
(SELECT COUNT(*) FROM (
    SELECT 1 FROM sequere_queuedevent WHERE queue = %s AND parked_at IS NULL LIMIT {counted}
) pending),
(SELECT COUNT(*) FROM (
    SELECT 1 FROM sequere_queuedevent WHERE queue = %s AND attempts > 0 AND parked_at IS NOT NULL LIMIT {counted}
) parked),
(SELECT COUNT(*) FROM (
    SELECT 1 FROM sequere_queuedevent
    WHERE queue = %s AND attempts > 0 AND attempts >= 2 AND parked_at IS NULL LIMIT {counted}
) failing),
(SELECT MIN(event_id) FROM sequere_queuedevent WHERE queue = %s),
(SELECT event_id FROM sequere_queuedevent WHERE queue = %s AND NOT EXISTS (
    SELECT 1 FROM sequere_queuedevent parked
    WHERE parked.attempts > 0 AND parked.parked_at IS NOT NULL
    AND parked.queue = sequere_queuedevent.queue AND parked.stream = sequere_queuedevent.stream
    AND parked.event_id <= sequere_queuedevent.event_id
) ORDER BY event_id LIMIT 1)
