"""One reader for each format: CSV, JSON lines, Parquet and databases."""
