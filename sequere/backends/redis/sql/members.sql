-- The sides of some resources: the others as members of sorted sets, 1,000 in a row.
-- {follows}: a SELECT of the ends of live follows, their scores, the numbers of their graphs, and whether they pause
-- while an end is suspended. {wanted}: a SELECT of the uid and the key of each of the resources, and whether it is
-- suspended. Both with their parameters, in this order. {member}: the text of a member. {order}: the order of
-- the members of a set. {join_texts}: the aggregate. {members_per_row}: how many.
-- Cost: one pass over the follows, and a lookup of both ends of each.
WITH follow AS ({follows}),
wanted AS ({wanted}),
side (uid, what, graph, kind, score, other) AS (
    SELECT wanted.uid, 'followers', follow.graph, follow.actor_identifier, follow.score, other.uid FROM follow
    JOIN wanted ON wanted.identifier = follow.target_identifier AND wanted.object_id = follow.target_object_id
    JOIN sequere_resource other
        ON other.identifier = follow.actor_identifier AND other.object_id = follow.actor_object_id
    WHERE NOT (follow.pauses AND (wanted.is_suspended OR other.is_suspended))
    UNION ALL
    SELECT wanted.uid, 'followings', follow.graph, follow.target_identifier, follow.score, other.uid FROM follow
    JOIN wanted ON wanted.identifier = follow.actor_identifier AND wanted.object_id = follow.actor_object_id
    JOIN sequere_resource other
        ON other.identifier = follow.target_identifier AND other.object_id = follow.target_object_id
    WHERE NOT (follow.pauses AND (wanted.is_suspended OR other.is_suspended))
),
member AS (
    SELECT uid, what, graph, kind, {member} AS member,
           (row_number() OVER (PARTITION BY uid, what, graph, kind ORDER BY {order}) - 1) / {members_per_row} AS part
    FROM side
)
SELECT uid, what, graph, kind, COUNT(*), {join_texts}(member, ' ') FROM member
GROUP BY uid, what, graph, kind, part ORDER BY uid, what, graph, kind, part
