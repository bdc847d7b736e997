"""What tests stand on: installations, stories, people, helpers."""
