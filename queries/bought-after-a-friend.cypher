// question: Which customers bought a product within some days after a friend? (co-occurrence, not influence)
// param since time = 1970-01-01: earliest time of the friend's purchase
// param until time = now: latest time of both purchases
// param within days = 14: maximum days between the two purchases
// param limit integer = 100: maximum number of rows
// column customer_id text
// column friend_id text
// column product_id text
// column friend_at time
// column at time
// order by: at desc, customer_id, friend_id, product_id, friend_at
MATCH (c:Customer)-[own:PURCHASED]->(p:Product)<-[theirs:PURCHASED]-(friend:Customer), (c)-[:FRIEND_OF]-(friend)
WHERE theirs.at >= $since AND own.at <= $until
  AND theirs.at < own.at AND own.at <= theirs.at + $within
  AND coalesce(own.quantity, 0) >= 0 AND coalesce(own.amount, 0) >= 0
  AND coalesce(theirs.quantity, 0) >= 0 AND coalesce(theirs.amount, 0) >= 0
WITH DISTINCT c.customer_id AS customer_id, friend.customer_id AS friend_id, p.product_id AS product_id, theirs.at AS friend_at, own.at AS at
RETURN customer_id, friend_id, product_id, friend_at, at
ORDER BY at DESC, customer_id, friend_id, product_id, friend_at
LIMIT $limit
