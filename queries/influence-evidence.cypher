// question: Which of a friend's first interactions did a customer follow within some days, and which not? (the exposures behind an edge)
// shows: interactions of two customers who share their activity, nothing sensitive; names nobody
// param friend_id text: the friend whose interactions came first
// param customer_id text: the customer who may have followed
// param within days = 14: maximum days until the customer's interaction
// param until time = now: the instant of the data; give the run's as_of
// param born_by date = adult: people born later are minors
// param limit integer = 100: maximum number of rows
// column item_id text
// column friend_at time
// column at time
// column followed boolean
// order by: friend_at desc, item_id
// Counts like influence/log/exposures.py, except that it distinguishes interactions within one second.
// Answers only for an edge of the active run; customers who don't share have no edges.
// `closed` and `named` are the sensitive stores, see graph/sensitive.py.
OPTIONAL MATCH (s:Store)-[:IN_CATEGORY]->(k:Category)
WHERE k.sensitive
WITH collect(s.store_id) AS closed
OPTIONAL MATCH (v:SensitiveValue)-[:SENSITIVE_IN]->(t:SensitiveTable)
WHERE t.`table` = 'stores'
WITH closed, collect(toLower(v.value)) AS named
MATCH (run:Run {kind: 'influence', active: true})
MATCH (f:Customer {customer_id: $friend_id})-[e:INFLUENCES]->(c:Customer {customer_id: $customer_id})
WHERE e.run_id = run.run_id
WITH DISTINCT closed, named, c, f
MATCH (f)-[a:PURCHASED|VISITED]->(i)
WHERE f.customer_id <> c.customer_id AND a.at <= $until
  AND NOT coalesce(c.birth_date > $born_by, false) AND NOT coalesce(f.birth_date > $born_by, false)
  AND coalesce(a.quantity, 0) >= 0 AND coalesce(a.amount, 0) >= 0 AND NOT coalesce(i.sensitive, false)
  AND NOT coalesce(a.store_id IN closed, false) AND NOT coalesce(toLower(a.store_id) IN named, false)
  AND NOT coalesce(toLower(i.store_id) IN named, false)
OPTIONAL MATCH (i)-[:IN_CATEGORY]->(k:Category)
WITH closed, named, c, f, i, a.at AS one_at, k.sensitive AS hidden
WHERE NOT coalesce(hidden, false)
WITH closed, named, c, f, i, min(one_at) AS friend_at
WHERE friend_at + $within <= $until
  AND (EXISTS { MATCH (c)-[own:FRIEND_OF]->(f) WHERE own.since IS NULL OR own.since <= friend_at }
    OR EXISTS { MATCH (f)-[theirs:FRIEND_OF]->(c) WHERE NOT coalesce(theirs.directed, false) AND (theirs.since IS NULL OR theirs.since <= friend_at) })
OPTIONAL MATCH (c)-[b:PURCHASED|VISITED]->(i)
WHERE b.at <= $until AND coalesce(b.quantity, 0) >= 0 AND coalesce(b.amount, 0) >= 0
  AND NOT coalesce(b.store_id IN closed, false) AND NOT coalesce(toLower(b.store_id) IN named, false)
WITH coalesce(i.product_id, i.store_id) AS item_id, friend_at, min(b.at) AS at
WHERE at IS NULL OR at > friend_at
RETURN item_id, friend_at, at, coalesce(at <= friend_at + $within, false) AS followed
ORDER BY friend_at DESC, item_id
LIMIT $limit
