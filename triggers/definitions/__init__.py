"""What analysts write: definitions of triggers, read from TOML and checked."""
