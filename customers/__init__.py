"""What is known about a customer: lifetime, and when a product is bought again."""
