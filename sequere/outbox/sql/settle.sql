-- Takes an event out of a queue that was applied already: see postgresql/sequere_settle_event.sql.
-- {queue}, {keepers}: what is the same for all events of a queue; the driver takes long for each parameter.
SELECT sequere_settle_event(
    {queue}, %s::smallint, %s::bigint, %s::timestamptz, %s::timestamptz, %s::timestamptz,
    ARRAY[{keepers}]::text[], %s::text[], %s
)
