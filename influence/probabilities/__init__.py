"""How likely a friend's act is to be followed: learned, with intervals."""
