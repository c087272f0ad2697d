// question: How many visits do the stores of each city have in a period?
// shows: totals of all customers' visits
// param since time = 1970-01-01: start of the period
// param until time = now: end of the period
// column city text
// column visits integer
// column visitors integer
// column stores integer
// order by: visits desc, city
MATCH (c:Customer)-[v:VISITED]->(s:Store)
WHERE v.at >= $since AND v.at <= $until
OPTIONAL MATCH (s)-[:IN_CITY]->(city:City)
WITH city.city AS city, v.event_id AS visit, c.customer_id AS customer, s.store_id AS store
RETURN city, count(visit) AS visits, count(DISTINCT customer) AS visitors, count(DISTINCT store) AS stores
