"""Servers in threads or processes that tests talk to."""
