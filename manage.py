#!/usr/bin/env python
"""Runs the project's commands; `manage.py help` lists them."""

from __future__ import annotations

from hitl_site.command import main

if __name__ == "__main__":
    main()
