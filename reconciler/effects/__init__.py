"""The only place that changes the world or remembers it: the ledger, and the carrying out of actions.

What is to be done was decided in core; here it is recorded, done, and recorded again (T1).
"""
