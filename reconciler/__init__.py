"""Backup plans for analytical warehouses, kept in git and carried out by a reconciler."""

__version__ = "0.1.0"
