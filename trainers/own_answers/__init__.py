"""Trains an adapter on its own answers. Toolmark samples answers to the questions of the data, and grades them.

`dpo` prefers the right answers to the wrong answers. `grpo` rewards each answer by its grade.
"""
