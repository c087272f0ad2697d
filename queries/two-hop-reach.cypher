// question: Who are the friends of a customer's friends, and how many friends connect them?
// shows: other customers' friendships; for the shop, not for customers; names nobody
// param customer_id text: the customer
// param limit integer = 100: maximum number of rows
// column customer_id text
// column through integer
// order by: through desc, customer_id
MATCH (c:Customer {customer_id: $customer_id})-[:FRIEND_OF]-(friend:Customer)-[:FRIEND_OF]-(other:Customer)
WHERE other.customer_id <> $customer_id
  AND NOT EXISTS { MATCH (c)-[:FRIEND_OF]-(other) }
WITH other.customer_id AS customer_id, count(DISTINCT friend.customer_id) AS through
RETURN customer_id, through
ORDER BY through DESC, customer_id
LIMIT $limit
