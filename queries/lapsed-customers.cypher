// question: Which customers bought often before a day and have not bought since?
// shows: each customer's own purchases, whatever they consented to; for the shop, not for other customers
// param since time: the day
// param until time = now: end of the period without purchases
// param at_least integer = 3: minimum number of purchases before the day
// param limit integer = 100: maximum number of rows
// column customer_id text
// column purchases integer
// column last_at time
// order by: last_at desc, customer_id
MATCH (c:Customer)-[b:PURCHASED]->(:Product)
WHERE b.at < $since AND coalesce(b.quantity, 0) >= 0 AND coalesce(b.amount, 0) >= 0
  AND NOT EXISTS { MATCH (c)-[later:PURCHASED]->(:Product) WHERE later.at >= $since AND later.at <= $until
    AND coalesce(later.quantity, 0) >= 0 AND coalesce(later.amount, 0) >= 0 }
WITH c.customer_id AS customer_id, count(b.purchase_id) AS purchases, max(b.at) AS last_at
WHERE purchases >= $at_least
RETURN customer_id, purchases, last_at
ORDER BY last_at DESC, customer_id
LIMIT $limit
