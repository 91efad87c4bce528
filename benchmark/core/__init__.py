"""Code that every other part may use: errors, entry points, the Hugging Face hub, progress and printing."""
