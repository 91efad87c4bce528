"""Writes reports. A renderer shows the figures of a comparison. It computes no figures."""
