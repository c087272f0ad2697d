// question: What have a customer's friends bought recently? (not those with only a directed friendship to the customer)
// shows: purchases of friends who share their activity (adults with the consent social_use), nothing sensitive; names nobody
// param customer_id text: the customer
// param since time = 1970-01-01: start of the period
// param until time = now: end of the period; friends must have consented by then
// param born_by date = adult: people born later are minors
// param limit integer = 100: maximum number of rows
// given assume_consent
// given blocked_customers
// column friend_id text
// column product_id text
// column product_name text
// column at time
// column purchase_id text
// order by: at desc, purchase_id
// `closed` and `named` are the sensitive stores, see graph/sensitive.py; who shares: graph/people.py.
OPTIONAL MATCH (s:Store)-[:IN_CATEGORY]->(k:Category)
WHERE k.sensitive
WITH collect(s.store_id) AS closed
OPTIONAL MATCH (v:SensitiveValue)-[:SENSITIVE_IN]->(t:SensitiveTable)
WHERE t.`table` = 'stores'
WITH closed, collect(toLower(v.value)) AS named
MATCH (c:Customer {customer_id: $customer_id})-[f:FRIEND_OF]-(friend:Customer)
WHERE friend.customer_id <> $customer_id AND (f.since IS NULL OR f.since <= $until)
  AND (NOT coalesce(f.directed, false) OR EXISTS { MATCH (c)-[own:FRIEND_OF]->(friend) WHERE own.since IS NULL OR own.since <= $until })
  AND coalesce(friend.birth_date <= $born_by, $assume_consent) AND NOT friend.customer_id IN $blocked_customers
OPTIONAL MATCH (friend)-[a:CONSENTED]->(u:Purpose)
WHERE u.purpose IN ['social_use', 'all']
WITH closed, named, friend, max(CASE WHEN NOT a.granted THEN a.at END) AS refused_at,
  max(CASE WHEN a.granted AND a.at <= $until THEN a.at END) AS granted_at
WHERE CASE WHEN granted_at IS NULL AND refused_at IS NULL THEN $assume_consent ELSE coalesce(granted_at > refused_at, granted_at IS NOT NULL) END
MATCH (friend)-[b:PURCHASED]->(p:Product)
WHERE b.at >= $since AND b.at <= $until
  AND coalesce(b.quantity, 0) >= 0 AND coalesce(b.amount, 0) >= 0
  AND NOT coalesce(p.sensitive, false)
  AND NOT coalesce(b.store_id IN closed, false) AND NOT coalesce(toLower(b.store_id) IN named, false)
OPTIONAL MATCH (p)-[:IN_CATEGORY]->(k:Category)
WITH friend.customer_id AS friend_id, p.product_id AS product_id, p.name AS product_name, b.at AS at, b.purchase_id AS purchase_id, k.sensitive AS hidden
WHERE NOT coalesce(hidden, false)
RETURN friend_id, product_id, product_name, at, purchase_id
ORDER BY at DESC, purchase_id
LIMIT $limit
