"""Decisions as pure functions of (desired, recorded, now), and the frozen values they speak in.

This room knows no file, network, driver or clock: `now` is an argument, aware and in UTC.
"""
