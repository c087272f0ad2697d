// question: Which offers are valid at an instant, what are they for, and where can each be used?
// shows: offers; no customer's data
// param at time = now: the instant
// param limit integer = 1000: maximum number of rows
// column offer_id text
// column name text
// column for_kind text: product, category, brand, program or interest; empty for an offer of every product, or of visits to its stores
// column for_id text
// column store_id text: where to use the offer for this; empty if anywhere
// column valid_from time
// column valid_until time
// column cost money
// column value money
// order by: offer_id, for_kind, for_id, store_id
// The rules are those of offers/candidates/catalogue.py. Each offer has a row per thing and store:
// a product of `offer_items` with stores of its own can be used at these only.
MATCH (o:Offer)
WHERE (o.valid_from IS NULL OR o.valid_from <= $at) AND (o.valid_until IS NULL OR o.valid_until > $at)
OPTIONAL MATCH (o)-[:REDEEMABLE_AT|INCLUDES]->(s:Store)
WITH o, collect(DISTINCT s.store_id) AS stores
OPTIONAL MATCH (o)-[r:COVERS|INCLUDES]->(x)
WHERE x.store_id IS NULL
WITH o, stores, x, collect(DISTINCT r.store_id) AS own
UNWIND CASE WHEN size(own) > 0 THEN own WHEN size(stores) > 0 THEN stores ELSE [CASE WHEN false THEN '' END] END AS store_id
RETURN o.offer_id AS offer_id, o.name AS name,
  CASE WHEN x.product_id IS NOT NULL THEN 'product' WHEN x.category IS NOT NULL THEN 'category' WHEN x.brand IS NOT NULL THEN 'brand' WHEN x.program IS NOT NULL THEN 'program' WHEN x.interest IS NOT NULL THEN 'interest' END AS for_kind,
  coalesce(x.product_id, x.category, x.brand, x.program, x.interest) AS for_id,
  store_id, o.valid_from AS valid_from, o.valid_until AS valid_until, o.cost AS cost, o.value AS value
ORDER BY offer_id, for_kind, for_id, store_id
LIMIT $limit
