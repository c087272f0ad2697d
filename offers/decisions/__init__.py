"""What is decided about each candidate: its rank, and what the policy allows."""
