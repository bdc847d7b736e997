"""Tests of what agents are handed."""
