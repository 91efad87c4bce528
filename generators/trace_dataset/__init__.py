"""A trace dataset on disk: its files, its card, its audit, and its upload to the hub."""
