-- Whether somebody asks for one of some relations: sees what others have committed before.
--
-- $1 the type of the relations that ask for them, NULL for none; $2 their scope, NULL for ''; $3 to $6 the keys of the
-- two ends of relations, by their places; $7 the places to look at.
-- {request}: the stream of the request for the relation at a place.
-- Cost: a lookup, and one for each relation if anybody has ever asked for one in that scope.
CREATE OR REPLACE FUNCTION sequere_has_request(
    asking text, scope_ text, from_identifiers text[], from_object_ids text[], to_identifiers text[],
    to_object_ids text[], places int[]
) RETURNS boolean LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM sequere_graph WHERE type = asking AND scope = COALESCE(scope_, '')) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (
        SELECT 1 FROM unnest(places) AS place
        CROSS JOIN LATERAL (
            SELECT version FROM sequere_event WHERE stream = {request} ORDER BY version DESC LIMIT 1
        ) last
        WHERE last.version % 2 = 1
    );
END
$$
