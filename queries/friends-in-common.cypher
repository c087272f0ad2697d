// question: Which friends do two customers have in common?
// param customer_id text: the first customer
// param other_id text: the second customer
// column friend_id text
// column friend_name text
// order by: friend_id
MATCH (a:Customer {customer_id: $customer_id})-[:FRIEND_OF]-(friend:Customer)-[:FRIEND_OF]-(b:Customer {customer_id: $other_id})
WHERE $customer_id <> $other_id
WITH DISTINCT friend.customer_id AS friend_id, friend.name AS friend_name
RETURN friend_id, friend_name
