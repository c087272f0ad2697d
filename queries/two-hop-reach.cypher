// question: Who are the friends of a customer's friends, and how many friends connect them?
// shows: friendships of customers who share their activity (adults with the consent social_use); names nobody
// param customer_id text: the customer
// param until time = now: the others must have consented by then
// param born_by date = adult: people born later are minors
// param limit integer = 100: maximum number of rows
// given assume_consent
// given blocked_customers
// column customer_id text
// column through integer: friends who connect the two, of those who share their activity
// order by: through desc, customer_id
// Who shares: graph/people.py.
MATCH (c:Customer {customer_id: $customer_id})-[:FRIEND_OF]-(friend:Customer)
WHERE friend.customer_id <> $customer_id
  AND coalesce(friend.birth_date <= $born_by, $assume_consent) AND NOT friend.customer_id IN $blocked_customers
WITH DISTINCT c, friend
OPTIONAL MATCH (friend)-[a:CONSENTED]->(u:Purpose)
WHERE u.purpose IN ['social_use', 'all']
WITH c, friend, max(CASE WHEN NOT a.granted THEN a.at END) AS refused_at,
  max(CASE WHEN a.granted AND a.at <= $until THEN a.at END) AS granted_at
WHERE CASE WHEN granted_at IS NULL AND refused_at IS NULL THEN $assume_consent ELSE coalesce(granted_at > refused_at, granted_at IS NOT NULL) END
MATCH (friend)-[:FRIEND_OF]-(other:Customer)
WHERE other.customer_id <> $customer_id
  AND coalesce(other.birth_date <= $born_by, $assume_consent) AND NOT other.customer_id IN $blocked_customers
  AND NOT EXISTS { MATCH (c)-[:FRIEND_OF]-(other) }
WITH other, count(DISTINCT friend.customer_id) AS through
OPTIONAL MATCH (other)-[a:CONSENTED]->(u:Purpose)
WHERE u.purpose IN ['social_use', 'all']
WITH other.customer_id AS customer_id, through, max(CASE WHEN NOT a.granted THEN a.at END) AS refused_at,
  max(CASE WHEN a.granted AND a.at <= $until THEN a.at END) AS granted_at
WHERE CASE WHEN granted_at IS NULL AND refused_at IS NULL THEN $assume_consent ELSE coalesce(granted_at > refused_at, granted_at IS NOT NULL) END
RETURN customer_id, through
ORDER BY through DESC, customer_id
LIMIT $limit
