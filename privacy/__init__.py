"""A person's rights: to be forgotten, to see what is held, to correct it, and to consent."""
