"""The features that the acceptance model predicts from, one file each."""
