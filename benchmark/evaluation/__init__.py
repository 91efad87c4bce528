"""From specs to a comparison."""
