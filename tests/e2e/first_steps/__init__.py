"""Browser tests of installing and signing in."""
