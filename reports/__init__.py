"""Reports: a renderer draws a comparison and computes nothing."""
