"""Contains what every other part may use: errors, hashes, entry points, the Hugging Face hub, progress and printing."""
