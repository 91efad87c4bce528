"""Trace datasets on disk: the files, the card, the audit, and the upload to the hub."""
