// question: What does the active run offer, and why?
// shows: each customer's own offers; a reason names nobody, and gives the number of friends only if there are at least three
// param limit integer = 1000000: maximum number of rows
// column customer_id text
// column rank integer
// column item_kind text
// column item_id text
// column offer_id text
// column trigger text
// column probability number
// column uplift number
// column value money
// column channel text
// column reason text
// order by: customer_id, rank
MATCH (run:Run {active: true})
MATCH (c:Customer)-[r:RECOMMENDED]->(i)
WHERE r.run_id = run.run_id
RETURN c.customer_id AS customer_id, r.rank AS rank, r.item_kind AS item_kind,
  coalesce(i.product_id, i.store_id) AS item_id, r.offer_id AS offer_id, r.trigger AS trigger,
  r.probability AS probability, r.uplift AS uplift, r.value AS value, r.channel AS channel, r.reason AS reason
ORDER BY customer_id, rank
LIMIT $limit
