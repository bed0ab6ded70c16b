-- Some actions of a timeline with the keys of their actors and targets, in their order.
-- {place}: the date and the id of an action, in the index that is read. {columns}: others of its columns. {extra}: why
-- it is there. {rows}: where they come from. {conditions}: which ones, with their parameters. {order}: the order of a
-- timeline;
-- {direction}: what ends each column of it. {actor}, {target}: what joins the resources. {limit}: how many.
-- Cost: a range of an index, and three lookups for each action.
SELECT found.date, found.id, found.uid, found.verb, found.kwargs, found.target_deleted, found.extra,
       actor.identifier, actor.object_id, target.identifier, target.object_id
FROM (
    SELECT {place}, {columns}, {extra}, action.actor_uid, action.target_uid
    FROM {rows} WHERE {conditions} ORDER BY {order} {limit}
) found JOIN {actor} LEFT JOIN {target} ORDER BY found.date{direction}, found.id{direction}
