"""Compares a trained model with the server that users ask, and says where answers change.

Between a trained model and its users stands a runtime, for example llama.cpp, Ollama or vLLM. It renders the prompt
with its own template, computes with other weights and kernels, and reads the calls with its own parser. Each of these
parts is compared for itself, on the same cases.
"""
