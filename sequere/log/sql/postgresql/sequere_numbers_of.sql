-- What numbers.sql says, planned once: planning takes three times as long for the names of one action.
--
-- $1, $2 the roles and the names; $3, $4 the keys of the resources.
-- {numbers}: numbers.sql.
-- Cost: that of numbers.sql.
CREATE OR REPLACE FUNCTION sequere_numbers_of(
    roles text[], names text[], identifiers text[], object_ids text[]
) RETURNS TABLE (role text, name text, object_id text, number bigint) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY SELECT one.role::text, one.name::text, one.object_id::text, one.number::bigint
    FROM ({numbers}) AS one (role, name, object_id, number);
END
$$
