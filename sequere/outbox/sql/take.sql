-- Takes events out of a queue: see postgresql/sequere_take_events.sql.
SELECT events::text, left_in FROM sequere_take_events(
    %s::text, %s::smallint[], %s::timestamptz, %s::timestamptz, %s::int, %s::text[], %s::text[],
    %s::text[], %s::boolean
)
