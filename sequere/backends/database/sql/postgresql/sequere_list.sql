-- A page of a list of relations, newest first: what lists.py asks of any list, planned once, since planning takes longer.
--
-- $1 the list, by the count that it has: incoming, outgoing or mutual; $2 and $3 the type and the scope of the graph; $4
-- and $5 the key of the owner; $6 and $7 the place behind which the page begins: since when, and a uid; $8 how many,
-- NULL for all, and $9 from which position.
-- {incoming}, {outgoing}, {mutual}: a SELECT of it.
-- Cost: that of list.sql.
CREATE OR REPLACE FUNCTION sequere_list(
    list_ text, type_ text, scope_ text, identifier_ text, object_id_ text,
    since_ timestamptz DEFAULT 'infinity', uid_ bigint DEFAULT 9223372036854775807,
    size_ bigint DEFAULT NULL, start_ bigint DEFAULT 0
) RETURNS TABLE (identifier varchar, object_id varchar, since timestamptz, uid bigint)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    CASE list_
        WHEN 'incoming' THEN RETURN QUERY {incoming};
        WHEN 'outgoing' THEN RETURN QUERY {outgoing};
        ELSE RETURN QUERY {mutual};
    END CASE;
END
$$
