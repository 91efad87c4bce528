"""Worlds: classes whose methods are tools that share a state. Each shipped world is a file in this folder.

    world.py         the base class of all worlds, and the error that a tool gives to the model
    world_names.py   finds a world by its name, and reads its tools
    world_session.py runs the calls of one conversation, and holds the state of the world

To add a world, write a class in a file of this folder, and add a line to `SHIPPED_WORLDS` in `world_names.py`.
"""
