"""Tools: the built-in catalog, the sources of a user's own tools, their schemas, and the sandbox that runs them."""
