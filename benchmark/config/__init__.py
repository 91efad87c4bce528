"""Options of a request: their types, and where their values come from."""
