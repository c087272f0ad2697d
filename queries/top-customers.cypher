// question: Which customers buy the most in a period, by amount? (less returns)
// shows: each customer's own purchases, whatever they consented to; for the shop, not for other customers
// param since time = 1970-01-01: start of the period
// param until time = now: end of the period
// param limit integer = 20: maximum number of rows
// column customer_id text
// column currency text
// column purchases integer
// column amount money
// order by: amount desc, purchases desc, customer_id, currency
MATCH (c:Customer)-[b:PURCHASED]->(:Product)
WHERE b.at >= $since AND b.at <= $until
WITH c.customer_id AS customer_id, b.currency AS currency, coalesce(b.amount, 0) AS paid,
  coalesce(b.quantity, 0) >= 0 AND coalesce(b.amount, 0) >= 0 AS bought
WITH customer_id, currency, sum(CASE WHEN bought THEN 1 ELSE 0 END) AS purchases,
  sum(CASE WHEN bought THEN paid ELSE -abs(paid) END) AS amount
RETURN customer_id, currency, purchases, amount
ORDER BY amount DESC, purchases DESC, customer_id, currency
LIMIT $limit
