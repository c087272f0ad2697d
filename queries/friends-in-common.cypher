// question: Which friends do two customers have in common?
// shows: friends who share their activity (adults with the consent social_use); names only those with the consent named_use too
// param customer_id text: the first customer
// param other_id text: the second customer
// param until time = now: friends must have consented by then
// param born_by date = adult: people born later are minors
// given assume_consent
// given blocked_customers
// column friend_id text
// column friend_name text: empty without the consent named_use
// order by: friend_id
// Who shares: graph/people.py. `assume_consent` never stands for consent to a name.
MATCH (a:Customer {customer_id: $customer_id})-[:FRIEND_OF]-(friend:Customer)-[:FRIEND_OF]-(b:Customer {customer_id: $other_id})
WHERE $customer_id <> $other_id
  AND coalesce(friend.birth_date <= $born_by, $assume_consent) AND NOT friend.customer_id IN $blocked_customers
WITH DISTINCT friend
OPTIONAL MATCH (friend)-[a:CONSENTED]->(u:Purpose)
WHERE u.purpose IN ['social_use', 'all']
WITH friend, max(CASE WHEN NOT a.granted THEN a.at END) AS refused_at,
  max(CASE WHEN a.granted AND a.at <= $until THEN a.at END) AS granted_at
WHERE CASE WHEN granted_at IS NULL AND refused_at IS NULL THEN $assume_consent ELSE coalesce(granted_at > refused_at, granted_at IS NOT NULL) END
WITH friend
OPTIONAL MATCH (friend)-[a:CONSENTED]->(u:Purpose)
WHERE u.purpose IN ['named_use', 'all']
WITH friend, max(CASE WHEN NOT a.granted THEN a.at END) AS refused_at,
  max(CASE WHEN a.granted AND a.at <= $until THEN a.at END) AS granted_at
RETURN friend.customer_id AS friend_id,
  CASE WHEN coalesce(granted_at > refused_at, granted_at IS NOT NULL) THEN friend.name END AS friend_name
