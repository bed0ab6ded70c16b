-- Creates the resources that are missing among some, and locks all of them, as lock() does. Each statement in here sees
-- what others have committed before it, and so does what the caller asks afterwards.
--
-- $1, $2 the keys of the resources.
-- Answers their uids, in the given order.
-- Cost: two lookups for each. A plan that was made while there were few resources would read all there are: so keys are
-- looked up one by one, and nothing is read from one end to the other.
CREATE OR REPLACE FUNCTION sequere_lock_resources(identifiers text[], object_ids text[])
RETURNS bigint[] LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    uids bigint[];
BEGIN
    LOOP
        SELECT array_agg(known.uid ORDER BY place) INTO uids
        FROM unnest(identifiers, object_ids) WITH ORDINALITY AS given (identifier, object_id, place)
        LEFT JOIN LATERAL (
            SELECT uid FROM sequere_resource
            WHERE identifier = given.identifier AND object_id = given.object_id LIMIT 1
        ) AS known ON true;
        EXIT WHEN array_position(uids, NULL) IS NULL;
        INSERT INTO sequere_resource (identifier, object_id)
        SELECT DISTINCT identifiers[place] COLLATE "C", object_ids[place] COLLATE "C"
        FROM unnest(uids) WITH ORDINALITY AS known (uid, place) WHERE uid IS NULL
        ORDER BY 1, 2 ON CONFLICT (identifier, object_id) DO NOTHING;
        INSERT INTO sequere_name (role, name)
        SELECT DISTINCT 'kind', kind FROM unnest(identifiers) AS kind
        WHERE NOT EXISTS (SELECT 1 FROM sequere_name WHERE role = 'kind' AND name = kind)
        ORDER BY 2 ON CONFLICT (role, name) DO NOTHING;
    END LOOP;
    PERFORM 1 FROM sequere_resource WHERE uid = ANY (uids) ORDER BY uid FOR NO KEY UPDATE;
    RETURN uids;
END
$$
