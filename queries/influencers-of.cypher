// question: Which friends does a customer follow, with what probability, and on what evidence?
// shows: estimates about friends who share their activity; names nobody
// param customer_id text: the follower
// param limit integer = 20: maximum number of rows
// column friend_id text
// column category text
// column probability number
// column low number
// column high number
// column evidence number
// column grade text
// order by: probability desc, friend_id, category
MATCH (run:Run {kind: 'influence', active: true})
MATCH (friend:Customer)-[i:INFLUENCES]->(:Customer {customer_id: $customer_id})
WHERE i.run_id = run.run_id
RETURN friend.customer_id AS friend_id, i.category AS category, i.probability AS probability,
  i.low AS low, i.high AS high, i.evidence AS evidence, i.grade AS grade
ORDER BY probability DESC, friend_id, category
LIMIT $limit
