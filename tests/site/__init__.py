"""Tests of the whole house: settings, layers, groups, documents."""
