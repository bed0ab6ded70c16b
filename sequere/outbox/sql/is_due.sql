-- The condition that a queued event can be applied now: neither it nor an event before it in its stream has failed and
-- waits for its next attempt, or for an operator.
-- Parameter: the time of now.
-- Cost: one lookup in sequere_queue_failed, an index of the failed events.
NOT EXISTS (
    SELECT 1 FROM sequere_queuedevent failed
    WHERE failed.attempts > 0 AND (failed.parked_at IS NOT NULL OR failed.retry_at > %s)
    AND failed.queue = sequere_queuedevent.queue AND failed.stream = sequere_queuedevent.stream
    AND failed.event_id <= sequere_queuedevent.event_id
)
