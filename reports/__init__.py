"""Reports. A renderer shows a comparison and computes no figure."""
