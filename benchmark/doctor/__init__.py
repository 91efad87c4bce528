"""`toolmark doctor`: checks that this machine can run Toolmark, and that a model can be evaluated here."""
