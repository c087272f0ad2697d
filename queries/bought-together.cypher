// question: Which other products do the buyers of a product buy?
// shows: totals of all customers' purchases, in groups of at least `at_least`; no sensitive product
// param product_id text: the product
// param at_least integer = 10: minimum number of customers who bought both
// param limit integer = 20: maximum number of rows
// column product_id text
// column product_name text
// column customers integer: customers who bought both, in one order or in several
// column orders integer: orders that hold both; without order_id, lines of one customer at one instant are one order
// column support number: customers / customers who bought anything
// column lift number: support / (share of customers who bought the one * share who bought the other); 1 if unrelated
// order by: lift desc, customers desc, product_id
// The WITH between the two purchases matters: LadybugDB 0.22 loses rows of one pattern that goes from a
// product to its buyers and on to their purchases.
MATCH (c:Customer)-[b:PURCHASED]->(:Product)
WHERE coalesce(b.quantity, 0) >= 0 AND coalesce(b.amount, 0) >= 0
WITH count(DISTINCT c.customer_id) AS everybody
MATCH (p:Product {product_id: $product_id})<-[b:PURCHASED]-(c:Customer)
WHERE coalesce(b.quantity, 0) >= 0 AND coalesce(b.amount, 0) >= 0
  AND NOT coalesce(p.sensitive, false) AND NOT EXISTS { MATCH (p)-[:IN_CATEGORY]->(k:Category) WHERE k.sensitive }
WITH everybody, count(DISTINCT c.customer_id) AS buyers
MATCH (:Product {product_id: $product_id})<-[one:PURCHASED]-(c:Customer)
WHERE coalesce(one.quantity, 0) >= 0 AND coalesce(one.amount, 0) >= 0
WITH everybody, buyers, c, one.order_id AS own_order, one.at AS own_at
MATCH (c)-[two:PURCHASED]->(other:Product)
WHERE other.product_id <> $product_id
  AND coalesce(two.quantity, 0) >= 0 AND coalesce(two.amount, 0) >= 0
  AND NOT coalesce(other.sensitive, false)
WITH everybody, buyers, other, c.customer_id AS customer,
  count(DISTINCT CASE WHEN own_order = two.order_id THEN two.order_id END)
  + count(DISTINCT CASE WHEN own_order IS NULL AND two.order_id IS NULL AND own_at = two.at THEN two.at END) AS together
WITH everybody, buyers, other, count(customer) AS customers, sum(together) AS orders
WHERE customers >= $at_least AND NOT EXISTS { MATCH (other)-[:IN_CATEGORY]->(k:Category) WHERE k.sensitive }
MATCH (other)<-[b:PURCHASED]-(c:Customer)
WHERE coalesce(b.quantity, 0) >= 0 AND coalesce(b.amount, 0) >= 0
WITH everybody, buyers, other, customers, orders, count(DISTINCT c.customer_id) AS other_buyers
RETURN other.product_id AS product_id, other.name AS product_name, customers, orders,
  1.0 * customers / everybody AS support, 1.0 * customers * everybody / (1.0 * buyers * other_buyers) AS lift
ORDER BY lift DESC, customers DESC, product_id
LIMIT $limit
