"""What an outsider could learn from offers: who is a customer, and what they bought."""
