"""Tests of the agent classes."""
