// question: Which customers do the most friends follow, by category and city? (estimated from the log: observed)
// shows: estimates about customers who share their activity; names nobody
// param category text = *: one category; * for all categories
// param city text = *: city of the influencer; * for all
// param limit integer = 20: maximum number of rows
// column customer_id text
// column city text
// column category text
// column friends integer
// column expected number
// column evidence number
// order by: expected desc, customer_id
MATCH (run:Run {kind: 'influence', active: true})
MATCH (c:Customer)-[i:INFLUENCES]->(:Customer)
WHERE i.run_id = run.run_id AND i.category = $category
WITH c, count(i.category) AS friends, sum(i.probability) AS total, sum(i.evidence) AS evidence
OPTIONAL MATCH (c)-[:LIVES_IN]->(t:City)
WITH c.customer_id AS customer_id, t.city AS city, friends, round(total, 6) AS expected, evidence
WHERE $city = '*' OR city = $city
RETURN customer_id, city, $category AS category, friends, expected, evidence
ORDER BY expected DESC, customer_id
LIMIT $limit
