"""Whether friends matter: matching, adjusted lifts and placebos."""
