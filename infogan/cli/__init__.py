"""The command lines: `main.py` what they share, one file each for what a launcher or command does."""
