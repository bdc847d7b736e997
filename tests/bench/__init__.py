"""What `make bench` measures, and how to read it. `--quick` repeats less, `--database` picks one.

Every figure comes from real processes on a fresh database of their own, SQLite (a file in a
temporary folder) and PostgreSQL (a database made and dropped at TEST_DATABASE_URL).

wake    From the commit of a decision in one process (`services.approve()`; the time is taken as
        soon as the database has said that it stands) to the next line of the agent's code in
        another, which `run_agents` drives. In between lie the hint, the claim with the decision
        taken up, and the agent called from its top; the claim's own commit goes on meanwhile, and
        the agent's next journaled step waits for it. The decisions are spread at random, the
        runner is idle between. PostgreSQL may tell a follower before it tells the one who decided.
poll    The same decisions beside it, seen by a process that looks at its row once a second: what
        an agent has that polls. Its mean is half a second by construction.
idle    `run_agents` with nothing to do, by the kernel's count of its CPU time; queries as Django
        sends them, transactions' own statements included.
memory  Resident memory of that process (VmRSS), with no run and with 10,000 that wait for people;
        both in a fresh process after the same idle time. A waiting run is a row, so they match.
similar From a question to the earlier ones like it with their answers, among 10,000 answered
        escalations of one agent whose commonest word is in every second of them.
sockets From the commit of one event until the last of 1,000 open pages has it (`bench_sockets`).
scale   What the server takes for a page, through all middleware, beside ever more decided requests
        with their events (`rows` makes them); the median of 30, in one process. The growth is from
        the fewest rows to the most. How fast a runner counts the log into the figures, besides.

Times are milliseconds of CLOCK_MONOTONIC, which all processes share. The line about the machine
names what the figures depend on most: the cores, and how long the disk takes to make a write
durable. Progress goes to stderr, the table to stdout.
"""

from __future__ import annotations
