"""Asks the servers that users ask: llama.cpp, vLLM, Ollama and others. Without a client library, nothing is changed.

A client library changes requests. For example, it adds fields to the schemas of tools, and a chat template writes these
fields into the prompt.
"""
