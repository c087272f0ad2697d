// question: What does the active run offer, and why?
// shows: each customer's own offers; a reason names nobody, and gives the number of friends only if there are at least three
// param limit integer = 1000000: maximum number of rows
// column customer_id text
// column rank integer
// column item_kind text
// column item_id text
// column offer_id text
// column probability number
// column low number
// column high number
// column acceptance number
// column own_share number
// column trigger_share number
// column trigger text
// column triggers texts
// column until time
// column channel text
// column expected_value number
// column value money
// column store_ids texts
// column reason text
// order by: customer_id, rank
MATCH (run:Run {active: true})
MATCH (c:Customer)-[r:RECOMMENDED]->(i)
WHERE r.run_id = run.run_id
RETURN c.customer_id AS customer_id, r.rank AS rank, r.item_kind AS item_kind,
  coalesce(i.product_id, i.store_id) AS item_id, r.offer_id AS offer_id,
  r.probability AS probability, r.low AS low, r.high AS high, r.acceptance AS acceptance,
  r.own_share AS own_share, r.trigger_share AS trigger_share, r.trigger AS trigger,
  r.triggers AS triggers, r.until AS until, r.channel AS channel,
  r.expected_value AS expected_value, r.value AS value, r.store_ids AS store_ids,
  r.reason AS reason
ORDER BY customer_id, rank
LIMIT $limit
