"""Where backup sets lie: one file a kind of storage, and what all kinds share: owners, manifests, claims.

This room knows keys and bytes; it knows nothing of plans, slots or retention.
"""
