-- How many entries of a private timeline are not the owner's own and dated after the read mark, planned once, since
-- planning takes longer.
--
-- $1 and $2 the key of the owner, $3 now, as the log has the ends of relations; $4 the number at which counting stops,
-- NULL for none.
-- {unread}: a SELECT of it, {unread_up_to}: the same up to this number. A plan that may stop reads entry by entry, which
-- takes half as long again for all of them.
-- Cost: a range of an index, and two lookups for whom the owner does not see.
CREATE OR REPLACE FUNCTION sequere_unread(identifier_ text, object_id_ text, now_ text, size_ bigint)
RETURNS bigint LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
    IF size_ IS NULL THEN
        RETURN ({unread});
    END IF;
    RETURN ({unread_up_to});
END
$$
