-- How many events of a queue wait, how many are parked, and the oldest one that is due. One SELECT for each queue.
-- {number}: the position of the queue among those asked for. {counted}: where counting ends. {is_due}: see
-- sequere/outbox/sql/is_due.sql.
-- Parameters: the queue, three times, and the time of now.
-- Cost: at most {counted} rows of an index for each count.
SELECT {number},
(SELECT COUNT(*) FROM (
    SELECT 1 FROM sequere_queuedevent WHERE queue = %s AND parked_at IS NULL LIMIT {counted}
) pending),
(SELECT COUNT(*) FROM (
    SELECT 1 FROM sequere_queuedevent WHERE queue = %s AND attempts > 0 AND parked_at IS NOT NULL LIMIT {counted}
) parked),
(SELECT event_id FROM sequere_queuedevent WHERE queue = %s AND {is_due} ORDER BY event_id LIMIT 1)
