"""One reader for each format: CSV, JSON lines, Parquet, Excel and databases."""
