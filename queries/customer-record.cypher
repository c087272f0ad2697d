// question: What does the graph hold about a customer? (every interaction, friendship, consent, contact and result)
// param customer_id text: the customer
// column kind text
// column id text
// column at time
// column detail text
// order by: kind, at, id, detail
MATCH (c:Customer {customer_id: $customer_id}) RETURN 'customer' AS kind, c.customer_id AS id, c.joined_at AS at, c.name AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[:LIVES_IN]->(x:City) RETURN 'lives in' AS kind, x.city AS id, CASE WHEN false THEN c.joined_at END AS at, x.city AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[r:FRIEND_OF]-(x:Customer) RETURN 'friend' AS kind, x.customer_id AS id, r.since AS at, x.name AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[r:PURCHASED]->(x:Product) RETURN CASE WHEN coalesce(r.quantity, 0) >= 0 AND coalesce(r.amount, 0) >= 0 THEN 'purchased' ELSE 'returned' END AS kind, x.product_id AS id, r.at AS at, r.purchase_id AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[r:VISITED]->(x:Store) RETURN 'visited' AS kind, x.store_id AS id, r.at AS at, r.event_id AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[r:VIEWED]->(x:Product) RETURN 'viewed' AS kind, x.product_id AS id, r.at AS at, r.event_id AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[:DID]->(x:Event) RETURN 'did' AS kind, x.event_id AS id, x.at AS at, x.kind AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[r:LIKES]->(x:Interest) RETURN 'likes' AS kind, x.interest AS id, r.at AS at, x.interest AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[r:HOLDS]->(x:Program) RETURN 'holds' AS kind, x.program AS id, r.since AS at, x.program AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[r:CONSENTED]->(x:Purpose) RETURN CASE WHEN r.granted THEN 'consent given' ELSE 'consent refused' END AS kind, x.purpose AS id, r.at AS at, x.purpose AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[r:CONTACTED]->(x:Offer) RETURN 'contacted' AS kind, x.offer_id AS id, r.at AS at, r.channel AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[r:RECOMMENDED]->(x), (run:Run {run_id: r.run_id}) RETURN 'recommended' AS kind, coalesce(x.product_id, x.store_id) AS id, run.as_of AS at, r.run_id AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[r:INFLUENCES]->(x:Customer), (run:Run {run_id: r.run_id}) RETURN 'followed by' AS kind, x.customer_id AS id, run.as_of AS at, r.category AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})<-[r:INFLUENCES]-(x:Customer), (run:Run {run_id: r.run_id}) RETURN 'follows' AS kind, x.customer_id AS id, run.as_of AS at, r.category AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id}) WHERE c.ranked_as_of IS NOT NULL RETURN 'ranked' AS kind, c.customer_id AS id, c.ranked_as_of AS at, c.name AS detail
UNION ALL MATCH (c:Customer {customer_id: $customer_id})-[:EMBEDDED]->(x:Embedding), (run:Run {run_id: x.run_id}) RETURN 'embedded' AS kind, x.embedding_id AS id, run.as_of AS at, x.run_id AS detail
