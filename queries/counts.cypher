// question: How many nodes and relationships of each kind are there?
// shows: totals of the shop
// column kind text
// column name text
// column n integer
// order by: kind, name
MATCH (x:Customer) WITH count(x) AS n RETURN 'node' AS kind, 'Customer' AS name, n
UNION ALL MATCH (x:Product) WITH count(x) AS n RETURN 'node' AS kind, 'Product' AS name, n
UNION ALL MATCH (x:Category) WITH count(x) AS n RETURN 'node' AS kind, 'Category' AS name, n
UNION ALL MATCH (x:Brand) WITH count(x) AS n RETURN 'node' AS kind, 'Brand' AS name, n
UNION ALL MATCH (x:Store) WITH count(x) AS n RETURN 'node' AS kind, 'Store' AS name, n
UNION ALL MATCH (x:City) WITH count(x) AS n RETURN 'node' AS kind, 'City' AS name, n
UNION ALL MATCH (x:Interest) WITH count(x) AS n RETURN 'node' AS kind, 'Interest' AS name, n
UNION ALL MATCH (x:Program) WITH count(x) AS n RETURN 'node' AS kind, 'Program' AS name, n
UNION ALL MATCH (x:Purpose) WITH count(x) AS n RETURN 'node' AS kind, 'Purpose' AS name, n
UNION ALL MATCH (x:Event) WITH count(x) AS n RETURN 'node' AS kind, 'Event' AS name, n
UNION ALL MATCH (x:Offer) WITH count(x) AS n RETURN 'node' AS kind, 'Offer' AS name, n
UNION ALL MATCH (x:Run) WITH count(x) AS n RETURN 'node' AS kind, 'Run' AS name, n
UNION ALL MATCH (x:Embedding) WITH count(x) AS n RETURN 'node' AS kind, 'Embedding' AS name, n
UNION ALL MATCH (x:SensitiveTable) WITH count(x) AS n RETURN 'node' AS kind, 'SensitiveTable' AS name, n
UNION ALL MATCH (x:SensitiveValue) WITH count(x) AS n RETURN 'node' AS kind, 'SensitiveValue' AS name, n
UNION ALL MATCH ()-[x:FRIEND_OF]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'FRIEND_OF' AS name, n
UNION ALL MATCH ()-[x:PURCHASED]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'PURCHASED' AS name, n
UNION ALL MATCH ()-[x:VISITED]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'VISITED' AS name, n
UNION ALL MATCH ()-[x:VIEWED]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'VIEWED' AS name, n
UNION ALL MATCH ()-[x:DID]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'DID' AS name, n
UNION ALL MATCH ()-[x:LIKES]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'LIKES' AS name, n
UNION ALL MATCH ()-[x:HOLDS]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'HOLDS' AS name, n
UNION ALL MATCH ()-[x:LIVES_IN]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'LIVES_IN' AS name, n
UNION ALL MATCH ()-[x:CONSENTED]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'CONSENTED' AS name, n
UNION ALL MATCH ()-[x:IN_CATEGORY]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'IN_CATEGORY' AS name, n
UNION ALL MATCH ()-[x:OF_BRAND]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'OF_BRAND' AS name, n
UNION ALL MATCH ()-[x:IN_CITY]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'IN_CITY' AS name, n
UNION ALL MATCH ()-[x:COVERS]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'COVERS' AS name, n
UNION ALL MATCH ()-[x:REDEEMABLE_AT]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'REDEEMABLE_AT' AS name, n
UNION ALL MATCH ()-[x:INCLUDES]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'INCLUDES' AS name, n
UNION ALL MATCH ()-[x:SENSITIVE_IN]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'SENSITIVE_IN' AS name, n
UNION ALL MATCH ()-[x:CONTACTED]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'CONTACTED' AS name, n
UNION ALL MATCH ()-[x:RECOMMENDED]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'RECOMMENDED' AS name, n
UNION ALL MATCH ()-[x:INFLUENCES]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'INFLUENCES' AS name, n
UNION ALL MATCH ()-[x:EMBEDDED]->() WITH count(x) AS n RETURN 'relationship' AS kind, 'EMBEDDED' AS name, n
