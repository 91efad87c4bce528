"""Contains what all other parts use: errors, hashes, entry points, the Hugging Face hub, progress and printing."""
