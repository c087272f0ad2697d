// question: Which customers bought a product within some days after a friend? (co-occurrence, not influence)
// shows: purchases of customers and friends who both share their activity (adults with the consent social_use), nothing sensitive; names nobody
// param since time = 1970-01-01: earliest time of the friend's purchase
// param until time = now: latest time of both purchases; both must have consented by then
// param within days = 14: maximum days between the two purchases
// param born_by date = adult: people born later are minors
// param limit integer = 100: maximum number of rows
// given assume_consent
// given blocked_customers
// column customer_id text
// column friend_id text
// column product_id text
// column friend_at time
// column at time
// order by: at desc, customer_id, friend_id, product_id, friend_at
// The friendship must exist at the friend's purchase; a directed one counts for its customer_id only.
// `closed` and `named` are the sensitive stores, see graph/sensitive.py; who shares: graph/people.py.
OPTIONAL MATCH (s:Store)-[:IN_CATEGORY]->(k:Category)
WHERE k.sensitive
WITH collect(s.store_id) AS closed
OPTIONAL MATCH (v:SensitiveValue)-[:SENSITIVE_IN]->(t:SensitiveTable)
WHERE t.`table` = 'stores'
WITH closed, collect(toLower(v.value)) AS named
MATCH (c:Customer)-[own:PURCHASED]->(p:Product)<-[theirs:PURCHASED]-(friend:Customer), (c)-[f:FRIEND_OF]-(friend)
WHERE theirs.at >= $since AND own.at <= $until
  AND theirs.at < own.at AND own.at <= theirs.at + $within
  AND coalesce(own.quantity, 0) >= 0 AND coalesce(own.amount, 0) >= 0
  AND coalesce(theirs.quantity, 0) >= 0 AND coalesce(theirs.amount, 0) >= 0
  AND c.customer_id <> friend.customer_id AND (f.since IS NULL OR f.since <= theirs.at)
  AND (NOT coalesce(f.directed, false) OR EXISTS { MATCH (c)-[out:FRIEND_OF]->(friend) WHERE out.since IS NULL OR out.since <= theirs.at })
  AND NOT coalesce(p.sensitive, false)
  AND NOT coalesce(own.store_id IN closed, false) AND NOT coalesce(toLower(own.store_id) IN named, false)
  AND NOT coalesce(theirs.store_id IN closed, false) AND NOT coalesce(toLower(theirs.store_id) IN named, false)
  AND coalesce(c.birth_date <= $born_by, $assume_consent) AND NOT c.customer_id IN $blocked_customers
  AND coalesce(friend.birth_date <= $born_by, $assume_consent) AND NOT friend.customer_id IN $blocked_customers
WITH DISTINCT c, friend, p, theirs.at AS friend_at, own.at AS at
OPTIONAL MATCH (p)-[:IN_CATEGORY]->(k:Category)
WITH c, friend, p.product_id AS product_id, friend_at, at, k.sensitive AS hidden
WHERE NOT coalesce(hidden, false)
OPTIONAL MATCH (c)-[a:CONSENTED]->(u:Purpose)
WHERE u.purpose IN ['social_use', 'all']
WITH c, friend, product_id, friend_at, at, max(CASE WHEN NOT a.granted THEN a.at END) AS refused_at,
  max(CASE WHEN a.granted AND a.at <= $until THEN a.at END) AS granted_at
WHERE CASE WHEN granted_at IS NULL AND refused_at IS NULL THEN $assume_consent ELSE coalesce(granted_at > refused_at, granted_at IS NOT NULL) END
OPTIONAL MATCH (friend)-[a:CONSENTED]->(u:Purpose)
WHERE u.purpose IN ['social_use', 'all']
WITH c.customer_id AS customer_id, friend.customer_id AS friend_id, product_id, friend_at, at, max(CASE WHEN NOT a.granted THEN a.at END) AS refused_at,
  max(CASE WHEN a.granted AND a.at <= $until THEN a.at END) AS granted_at
WHERE CASE WHEN granted_at IS NULL AND refused_at IS NULL THEN $assume_consent ELSE coalesce(granted_at > refused_at, granted_at IS NOT NULL) END
RETURN customer_id, friend_id, product_id, friend_at, at
ORDER BY at DESC, customer_id, friend_id, product_id, friend_at
LIMIT $limit
