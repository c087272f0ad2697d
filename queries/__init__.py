"""The Cypher library and the read-only runner."""
