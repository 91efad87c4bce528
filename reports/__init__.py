"""Reports. A renderer shows a comparison; it computes no figure."""
