"""Engines that speak Doris: Apache Doris, VeloDB and StarRocks, over MySQL's protocol.

One family: what differs between products and versions stands in `dialect`, the statements in `statements`. The
servers move the data themselves; this asks, looks by label before it asks again, and believes only what storage
shows.
"""
