"""What models learn from: data sets, splits and tensors."""
