"""What a simulated retailer has: products, stores and offers."""
