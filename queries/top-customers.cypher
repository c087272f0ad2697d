// question: Who buys the most in a time, by amount (minor units of money; returns subtract)?
// param since time = 1970-01-01: from when on
// param until time = now: up to when
// param limit integer = 20: rows at the most
// column customer_id text
// column currency text
// column purchases integer
// column amount integer
// order by: amount desc, purchases desc, customer_id, currency
MATCH (c:Customer)-[b:PURCHASED]->(:Product)
WHERE b.at >= $since AND b.at <= $until
WITH c.customer_id AS customer_id, b.currency AS currency, count(b.purchase_id) AS purchases, coalesce(sum(b.amount), 0) AS amount
RETURN customer_id, currency, purchases, amount
ORDER BY amount DESC, purchases DESC, customer_id, currency
LIMIT $limit
