// question: How many nodes and relationships of each kind are there?
// column kind text
// column name text
// column n integer
// order by: kind, name
MATCH (x:Customer) RETURN 'node' AS kind, 'Customer' AS name, count(x) AS n
UNION ALL MATCH (x:Product) RETURN 'node' AS kind, 'Product' AS name, count(x) AS n
UNION ALL MATCH (x:Category) RETURN 'node' AS kind, 'Category' AS name, count(x) AS n
UNION ALL MATCH (x:Brand) RETURN 'node' AS kind, 'Brand' AS name, count(x) AS n
UNION ALL MATCH (x:Store) RETURN 'node' AS kind, 'Store' AS name, count(x) AS n
UNION ALL MATCH (x:City) RETURN 'node' AS kind, 'City' AS name, count(x) AS n
UNION ALL MATCH (x:Interest) RETURN 'node' AS kind, 'Interest' AS name, count(x) AS n
UNION ALL MATCH (x:Program) RETURN 'node' AS kind, 'Program' AS name, count(x) AS n
UNION ALL MATCH (x:Purpose) RETURN 'node' AS kind, 'Purpose' AS name, count(x) AS n
UNION ALL MATCH (x:Event) RETURN 'node' AS kind, 'Event' AS name, count(x) AS n
UNION ALL MATCH (x:Offer) RETURN 'node' AS kind, 'Offer' AS name, count(x) AS n
UNION ALL MATCH (x:Run) RETURN 'node' AS kind, 'Run' AS name, count(x) AS n
UNION ALL MATCH ()-[x:FRIEND_OF]->() RETURN 'relationship' AS kind, 'FRIEND_OF' AS name, count(x) AS n
UNION ALL MATCH ()-[x:PURCHASED]->() RETURN 'relationship' AS kind, 'PURCHASED' AS name, count(x) AS n
UNION ALL MATCH ()-[x:VISITED]->() RETURN 'relationship' AS kind, 'VISITED' AS name, count(x) AS n
UNION ALL MATCH ()-[x:VIEWED]->() RETURN 'relationship' AS kind, 'VIEWED' AS name, count(x) AS n
UNION ALL MATCH ()-[x:DID]->() RETURN 'relationship' AS kind, 'DID' AS name, count(x) AS n
UNION ALL MATCH ()-[x:LIKES]->() RETURN 'relationship' AS kind, 'LIKES' AS name, count(x) AS n
UNION ALL MATCH ()-[x:HOLDS]->() RETURN 'relationship' AS kind, 'HOLDS' AS name, count(x) AS n
UNION ALL MATCH ()-[x:LIVES_IN]->() RETURN 'relationship' AS kind, 'LIVES_IN' AS name, count(x) AS n
UNION ALL MATCH ()-[x:CONSENTED]->() RETURN 'relationship' AS kind, 'CONSENTED' AS name, count(x) AS n
UNION ALL MATCH ()-[x:IN_CATEGORY]->() RETURN 'relationship' AS kind, 'IN_CATEGORY' AS name, count(x) AS n
UNION ALL MATCH ()-[x:OF_BRAND]->() RETURN 'relationship' AS kind, 'OF_BRAND' AS name, count(x) AS n
UNION ALL MATCH ()-[x:IN_CITY]->() RETURN 'relationship' AS kind, 'IN_CITY' AS name, count(x) AS n
UNION ALL MATCH ()-[x:`FOR`]->() RETURN 'relationship' AS kind, 'FOR' AS name, count(x) AS n
UNION ALL MATCH ()-[x:REDEEMABLE_AT]->() RETURN 'relationship' AS kind, 'REDEEMABLE_AT' AS name, count(x) AS n
UNION ALL MATCH ()-[x:CONTACTED]->() RETURN 'relationship' AS kind, 'CONTACTED' AS name, count(x) AS n
UNION ALL MATCH ()-[x:RECOMMENDED]->() RETURN 'relationship' AS kind, 'RECOMMENDED' AS name, count(x) AS n
