// question: Which other products do the buyers of a product buy?
// param product_id text: the product
// param limit integer = 20: maximum number of rows
// column product_id text
// column product_name text
// column customers integer
// order by: customers desc, product_id
MATCH (p:Product {product_id: $product_id})<-[one:PURCHASED]-(c:Customer)-[two:PURCHASED]->(other:Product)
WHERE other.product_id <> $product_id
  AND coalesce(one.quantity, 0) >= 0 AND coalesce(one.amount, 0) >= 0
  AND coalesce(two.quantity, 0) >= 0 AND coalesce(two.amount, 0) >= 0
WITH other.product_id AS product_id, other.name AS product_name, count(DISTINCT c.customer_id) AS customers
RETURN product_id, product_name, customers
ORDER BY customers DESC, product_id
LIMIT $limit
