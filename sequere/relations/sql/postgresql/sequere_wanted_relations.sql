-- What wanted.sql says of some relations, planned once: planning takes three times as long for one of them.
--
-- $1 the streams of the relations.
-- {wanted}: wanted.sql.
-- Cost: that of wanted.sql.
CREATE OR REPLACE FUNCTION sequere_wanted_relations(streams uuid[]) RETURNS TABLE (
    actor_identifier varchar, actor_object_id varchar, actor_uid bigint,
    target_identifier varchar, target_object_id varchar, target_uid bigint,
    occurred_at timestamptz, type varchar, scope varchar
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY {wanted};
END
$$
