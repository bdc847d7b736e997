"""The journal: what an agent did that must not be done twice, and the replay that answers from it.

`journal.Journal` is one activation of a run. Behind it: `activity` (may a step start, when does
the run stop), `rows` (the run's rows by key), `steps` (without an effect outside), `questions` (to
people) and `actions` (outside, at most once). `entries` and `action_entries` are the transactions,
`activation` is what a claim reads, `loop` knows whose each task and timer is.
"""

from __future__ import annotations
