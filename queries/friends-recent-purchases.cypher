// question: What have a customer's friends bought recently? (not those with only a directed friendship to the customer)
// param customer_id text: the customer
// param since time = 1970-01-01: start of the period
// param until time = now: end of the period
// param limit integer = 100: maximum number of rows
// column friend_id text
// column product_id text
// column product_name text
// column at time
// column purchase_id text
// order by: at desc, purchase_id
MATCH (c:Customer {customer_id: $customer_id})-[f:FRIEND_OF]-(friend:Customer)-[b:PURCHASED]->(p:Product)
WHERE b.at >= $since AND b.at <= $until
  AND coalesce(b.quantity, 0) >= 0 AND coalesce(b.amount, 0) >= 0
  AND (f.since IS NULL OR f.since <= $until)
  AND (NOT coalesce(f.directed, false) OR EXISTS { MATCH (c)-[own:FRIEND_OF]->(friend) WHERE own.since IS NULL OR own.since <= $until })
WITH DISTINCT friend.customer_id AS friend_id, p.product_id AS product_id, p.name AS product_name, b.at AS at, b.purchase_id AS purchase_id
RETURN friend_id, product_id, product_name, at, purchase_id
ORDER BY at DESC, purchase_id
LIMIT $limit
