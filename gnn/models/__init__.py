"""The models of taste, one file each."""
