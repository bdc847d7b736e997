"""Tests of the built-in actions."""
