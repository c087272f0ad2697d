// question: What does the graph hold about a customer? (every property, interaction, friendship, consent, contact and result)
// shows: the customer's own data, and nobody else's: of a friendship or an influence, not with whom; may go to the customer
// param customer_id text: the customer
// column kind text
// column id text
// column at time
// column detail object
// order by: kind, at, id, detail
// Amounts in `detail` are in minor units (hundredths).
MATCH (c:Customer {customer_id: $customer_id})
RETURN 'customer' AS kind, c.customer_id AS id, c.joined_at AS at, {name: c.name, birth_date: c.birth_date, joined_at: c.joined_at, email: c.email, phone: c.phone, timezone: c.timezone, attributes: c.attributes} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})
WHERE c.ranked_as_of IS NOT NULL
RETURN 'ranked' AS kind, c.customer_id AS id, c.ranked_as_of AS at, {incremental_value: c.incremental_value, pagerank: c.pagerank, core: c.core, community: c.community} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[:LIVES_IN]->(x:City)
RETURN 'lives in' AS kind, x.city AS id, CASE WHEN false THEN c.joined_at END AS at, {city: x.city} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[r:FRIEND_OF]->(:Customer)
RETURN 'friend' AS kind, CASE WHEN false THEN c.customer_id END AS id, r.since AS at, {interactions: r.interactions, directed: r.directed, listed_as: 'customer_id'} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})<-[r:FRIEND_OF]-(:Customer)
RETURN 'friend' AS kind, CASE WHEN false THEN c.customer_id END AS id, r.since AS at, {interactions: r.interactions, directed: r.directed, listed_as: 'friend_id'} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[r:PURCHASED]->(x:Product)
RETURN CASE WHEN coalesce(r.quantity, 0) >= 0 AND coalesce(r.amount, 0) >= 0 THEN 'purchased' ELSE 'returned' END AS kind, x.product_id AS id, r.at AS at, {name: x.name, purchase_id: r.purchase_id, order_id: r.order_id, quantity: r.quantity, amount: r.amount, currency: r.currency, channel: r.channel, store_id: r.store_id} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[r:VISITED]->(x:Store)
RETURN 'visited' AS kind, x.store_id AS id, r.at AS at, {name: x.name, visit_id: r.event_id} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[r:VIEWED]->(x:Product)
RETURN 'viewed' AS kind, x.product_id AS id, r.at AS at, {name: x.name, event_id: r.event_id, store_id: r.store_id, city: r.city, latitude: r.latitude, longitude: r.longitude, starts_at: r.starts_at, value: r.value, attributes: r.attributes} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[:DID]->(x:Event)
RETURN 'did' AS kind, x.event_id AS id, x.at AS at, {kind: x.kind, product_id: x.product_id, store_id: x.store_id, city: x.city, latitude: x.latitude, longitude: x.longitude, starts_at: x.starts_at, value: x.value, attributes: x.attributes} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[r:LIKES]->(x:Interest)
RETURN 'likes' AS kind, x.interest AS id, r.at AS at, {interest: x.interest} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[r:HOLDS]->(x:Program)
RETURN 'holds' AS kind, x.program AS id, r.since AS at, {program: x.program, until: r.until} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[r:CONSENTED]->(x:Purpose)
RETURN CASE WHEN r.granted THEN 'consent given' ELSE 'consent refused' END AS kind, x.purpose AS id, r.at AS at, {granted: r.granted} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[r:CONTACTED]->(x:Offer)
RETURN 'contacted' AS kind, x.offer_id AS id, r.at AS at, {name: x.name, contact_id: r.contact_id, channel: r.channel, arm: r.arm, outcome: r.outcome, outcome_at: r.outcome_at} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[r:RECOMMENDED]->(x)
OPTIONAL MATCH (run:Run {run_id: r.run_id})
RETURN 'recommended' AS kind, coalesce(x.product_id, x.store_id) AS id, run.as_of AS at, {run_id: r.run_id, rank: r.rank, item_kind: r.item_kind, offer_id: r.offer_id, probability: r.probability, low: r.low, high: r.high, acceptance: r.acceptance, own_share: r.own_share, trigger_share: r.trigger_share, trigger: r.trigger, triggers: r.triggers, until: r.until, channel: r.channel, expected_value: r.expected_value, value: r.value, store_ids: r.store_ids, reason: r.reason} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[r:INFLUENCES]->(:Customer)
OPTIONAL MATCH (run:Run {run_id: r.run_id})
RETURN 'followed by' AS kind, CASE WHEN false THEN c.customer_id END AS id, run.as_of AS at, {run_id: r.run_id, category: r.category, probability: r.probability, low: r.low, high: r.high, evidence: r.evidence, grade: r.grade} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})<-[r:INFLUENCES]-(:Customer)
OPTIONAL MATCH (run:Run {run_id: r.run_id})
RETURN 'follows' AS kind, CASE WHEN false THEN c.customer_id END AS id, run.as_of AS at, {run_id: r.run_id, category: r.category, probability: r.probability, low: r.low, high: r.high, evidence: r.evidence, grade: r.grade} AS detail
UNION ALL
MATCH (c:Customer {customer_id: $customer_id})-[:EMBEDDED]->(x:Embedding)
OPTIONAL MATCH (run:Run {run_id: x.run_id})
RETURN 'embedded' AS kind, x.embedding_id AS id, run.as_of AS at, {run_id: x.run_id, vector: x.vector} AS detail
