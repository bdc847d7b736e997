"""`python -m hitl_site …`: the same as `hitl-server …`, for the processes that `up` starts."""

from __future__ import annotations

from hitl_site.command import main

if __name__ == "__main__":
    main()
