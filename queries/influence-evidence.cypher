// question: What has a customer done within some days of a friend's first act on it, and what not? (the exposures behind an edge)
// param friend_id text: who acted first
// param customer_id text: who may have followed
// param within days = 14: who acts this long after follows
// param until time = now: acts up to when
// param limit integer = 100: rows at the most
// column item_id text
// column friend_at time
// column at time
// column followed boolean
// order by: friend_at desc, item_id
MATCH (c:Customer {customer_id: $customer_id}), (f:Customer {customer_id: $friend_id})-[a:PURCHASED|VISITED]->(i)
WHERE a.at <= $until
WITH c, i, min(a.at) AS friend_at
OPTIONAL MATCH (c)-[b:PURCHASED|VISITED]->(i)
WHERE b.at <= $until
WITH coalesce(i.product_id, i.store_id) AS item_id, friend_at, min(b.at) AS at
WHERE (at IS NULL OR at > friend_at) AND friend_at + $within <= $until
RETURN item_id, friend_at, at, coalesce(at <= friend_at + $within, false) AS followed
ORDER BY friend_at DESC, item_id
LIMIT $limit
