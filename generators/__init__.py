"""Generators propose training conversations; the pipeline judges them and writes a trace dataset.

A generator never decides what is good enough: it yields traces, and `pipeline.py` checks their form, their gold
against the schema, their execution and their leakage, counts what it rejects, and writes the rest.
"""
