"""What is measured and drawn of a trained run; no result of it reaches training."""
