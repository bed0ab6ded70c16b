-- Gives a graph a number if it has none.
-- {insert}: INSERT INTO the graphs. {ignore}: what ends it, where somebody else was faster. {returning}: answers the
-- number.
-- Parameters: the type and the scope, twice.
-- Cost: a lookup.
{insert} SELECT %s, %s WHERE NOT EXISTS (SELECT 1 FROM sequere_graph WHERE type = %s AND scope = %s)
{ignore} {returning}
