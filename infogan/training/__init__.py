"""Training: the graph of an update, where it runs, the loop, and what a run leaves on disk."""
