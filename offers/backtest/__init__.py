"""The ranking judged on the past, beside simpler strategies."""
