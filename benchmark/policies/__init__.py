"""Trivial policies, which answer instead of a model. The scores of models are compared with the policies' scores."""
