"""The reports. A renderer shows a comparison and does not compute figures."""
