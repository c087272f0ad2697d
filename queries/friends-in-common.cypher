// question: Which friends do two customers have in common?
// shows: other customers' friendships; for the shop, not for customers; names only adults with the consent named_use
// param customer_id text: the first customer
// param other_id text: the second customer
// param until time = now: friends must have consented to their name by then
// param born_by date = adult: people born later are minors
// given assume_consent
// given blocked_customers
// column friend_id text
// column friend_name text
// order by: friend_id
// Consent to a name is never assumed; `assume_consent` only makes customers of unknown age adults.
MATCH (a:Customer {customer_id: $customer_id})-[:FRIEND_OF]-(friend:Customer)-[:FRIEND_OF]-(b:Customer {customer_id: $other_id})
WHERE $customer_id <> $other_id
WITH DISTINCT friend
OPTIONAL MATCH (friend)-[a:CONSENTED]->(u:Purpose)
WHERE u.purpose IN ['named_use', 'all']
WITH friend, max(CASE WHEN NOT a.granted THEN a.at END) AS refused_at,
  max(CASE WHEN a.granted AND a.at <= $until THEN a.at END) AS granted_at
RETURN friend.customer_id AS friend_id,
  CASE WHEN coalesce(granted_at > refused_at, granted_at IS NOT NULL) AND coalesce(friend.birth_date <= $born_by, $assume_consent) AND NOT friend.customer_id IN $blocked_customers THEN friend.name END AS friend_name
