// question: Which customers, products or stores are most similar to a given one? (cosine similarity of the active embeddings)
// shows: embeddings of customers who share their activity, and of items that aren't sensitive; names nobody
// param node_kind text: kind of the given one: customer, product or store
// param node_id text: id of the given one
// param among text = *: kind of the similar ones; * for all
// param limit integer = 10: maximum number of rows
// column node_kind text
// column node_id text
// column similarity number
// order by: similarity desc, node_kind, node_id
MATCH (run:Run {kind: 'embed', active: true})
MATCH (x)-[:EMBEDDED]->(own:Embedding)
WHERE own.run_id = run.run_id AND own.node_kind = $node_kind AND own.node_id = $node_id
MATCH (y)-[:EMBEDDED]->(other:Embedding)
WHERE other.run_id = run.run_id AND other.embedding_id <> own.embedding_id AND ($among = '*' OR other.node_kind = $among)
WITH other.node_kind AS node_kind, other.node_id AS node_id, own.vector AS one, other.vector AS two
// Lists begin at 0 on Neo4j and at 1 on LadybugDB: [0, 1][1] is 1 on Neo4j and 0 on LadybugDB.
UNWIND range(1 - [0, 1][1], size(one) - [0, 1][1]) AS i
WITH node_kind, node_id, 1.0 * one[i] AS a, 1.0 * two[i] AS b
WITH node_kind, node_id, sum(a * b) AS product, sum(a * a) AS first, sum(b * b) AS second
RETURN node_kind, node_id, round(product / sqrt(first * second), 6) AS similarity
ORDER BY similarity DESC, node_kind, node_id
LIMIT $limit
