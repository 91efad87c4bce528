"""Contains the built-in catalog of tools, the readers of a user's tools, and the sandbox that runs tools."""
