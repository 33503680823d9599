"""For readers: decided values as text, JSON and tables. Every word and key that leaves the program is made here.

Nothing is decided in this room, and nothing is read from the world.
"""
