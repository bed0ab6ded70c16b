-- Whom the owner of a timeline does not see: their uids, and whether it does not see what is done to them, either.
--
-- $1 and $2 the key of the owner, $3 now, as the log has the ends of relations.
-- {hidden}: a SELECT of them.
-- Cost: two lookups for who sees everybody. It is planned once, since planning takes longer.
CREATE OR REPLACE FUNCTION sequere_hidden_from(identifier_ text, object_id_ text, now_ text)
RETURNS TABLE (uid bigint, as_target boolean) LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY {hidden};
END
$$
