-- A page of a private timeline, newest first: what reading.py asks without filters and without a cap, planned once,
-- since planning takes longer than reading.
--
-- $1 and $2 the key of the owner, $3 now, as the log has the ends of relations; $4 how many, NULL for all, and $5 from
-- which position; $6 and $7 the place behind which the page begins: the date and the id of an action.
-- {private_timeline}: a SELECT of it.
-- Cost: that of actions.sql, and two lookups for whom the owner does not see.
CREATE OR REPLACE FUNCTION sequere_private_timeline(
    identifier_ text, object_id_ text, now_ text, size_ bigint, start_ bigint,
    date_ timestamptz DEFAULT 'infinity', tie_ bigint DEFAULT 9223372036854775807
) RETURNS TABLE (
    date timestamptz, id bigint, uid uuid, verb varchar, kwargs jsonb, target_deleted boolean, extra smallint,
    actor_identifier varchar, actor_object_id varchar, target_identifier varchar, target_object_id varchar
) LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY {private_timeline};
END
$$
