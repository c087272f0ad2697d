// question: Which offers are valid at an instant, and what are they for?
// shows: offers; no customer's data
// param at time = now: the instant
// param limit integer = 1000: maximum number of rows
// column offer_id text
// column name text
// column for_kind text
// column for_id text
// column store_id text
// column valid_from time
// column valid_until time
// column cost money
// column value money
// order by: offer_id, for_kind
MATCH (o:Offer)
WHERE (o.valid_from IS NULL OR o.valid_from <= $at) AND (o.valid_until IS NULL OR o.valid_until > $at)
OPTIONAL MATCH (o)-[:COVERS]->(x)
OPTIONAL MATCH (o)-[:REDEEMABLE_AT]->(s:Store)
WITH o, s, x, CASE WHEN x.product_id IS NOT NULL THEN 'product' WHEN x.category IS NOT NULL THEN 'category' WHEN x.brand IS NOT NULL THEN 'brand' WHEN x.program IS NOT NULL THEN 'program' WHEN x.interest IS NOT NULL THEN 'interest' END AS for_kind
RETURN o.offer_id AS offer_id, o.name AS name, for_kind,
  coalesce(x.product_id, x.category, x.brand, x.program, x.interest) AS for_id,
  s.store_id AS store_id, o.valid_from AS valid_from, o.valid_until AS valid_until, o.cost AS cost, o.value AS value
ORDER BY offer_id, for_kind
LIMIT $limit
