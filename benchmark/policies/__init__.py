"""Trivial policies, which answer in place of a model. The scores of models are compared with the policies' scores."""
