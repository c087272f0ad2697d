"""The engines that implement the store port: LadybugDB in a file, and Neo4j."""
