"""The features of a candidate, one file each: what the model predicts from."""
