"""Why something is offered or not, in words."""
