"""One activation of a run: answers what the journal has, and does the rest once.

The agent function is called from the top each time. Every step first looks into the journal; so
the first start, a decision after a week and a restart after kill -9 are the same code.
"""

from __future__ import annotations

from hitl_agents.journal.actions import Actions
from hitl_agents.journal.activation import Activation
from hitl_agents.journal.activity import Activity
from hitl_agents.journal.claim import Claim
from hitl_agents.journal.questions import Questions
from hitl_agents.journal.rows import Rows
from hitl_agents.journal.steps import Steps
from hitl_agents.journal.threads import DatabaseThreads


class Journal:
    """What the run-bound model client, gates, managers and actions of one activation go through.

    `activity` says whether a step may start and when the run stops; the verbs are those of Steps,
    Questions and Actions, which share it and the run's rows.
    """

    def __init__(
        self, activation: Activation, database: DatabaseThreads, claim: Claim | None = None
    ) -> None:
        self.activity = Activity()
        self.rows = Rows(activation, database, claim or Claim(stands=True))
        self.hold, self.claim = self.rows.hold, self.rows.claim
        self.in_thread = self.rows.in_thread
        steps = Steps(self.activity, self.rows)
        self.remember, self.read, self.write = steps.remember, steps.read, steps.write
        questions = Questions(self.activity, self.rows)
        self.ask, self.wait = questions.ask, questions.wait
        self.wait_or_leave = questions.wait_or_leave
        self.act = Actions(self.activity, self.rows, steps).act
