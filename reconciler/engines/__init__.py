"""Kinds of warehouse: each drives one, behind the small Engine protocol of core.ports.

An engine knows its driver and its warehouse's ways; it knows no ledger, no schedule and no retention.
"""
