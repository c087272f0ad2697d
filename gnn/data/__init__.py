"""Training data of the models: data sets, splits and tensors."""
