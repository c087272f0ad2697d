"""What the people of a simulated world do, and how they answer offers."""
