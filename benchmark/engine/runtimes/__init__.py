"""Asks the servers that users ask: llama.cpp, vLLM, Ollama and others. No client library is used.

A client library changes requests. For example, it adds fields to the schemas of tools, and a chat template writes these
fields into the prompt.
"""
