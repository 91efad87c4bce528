"""Where tools come from; one foreign form a module, each ending in `benchmark.cases.Tool` objects."""
