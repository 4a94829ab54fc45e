"""Scores of disentanglement: how well each code stands for one true factor. The call is in `protocols.py`."""
