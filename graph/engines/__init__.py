"""The engines behind the store port: LadybugDB in a file, and Neo4j."""
