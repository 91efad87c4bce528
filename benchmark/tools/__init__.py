"""Tools: the built-in catalog, the sources of a user's own tools, tool schemas, and the sandbox that runs tools."""
