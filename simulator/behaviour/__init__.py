"""What the customers of a simulated world do, and how they respond to offers."""
