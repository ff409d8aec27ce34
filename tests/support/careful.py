"""Plans that take care: they compare with how it was before, prove their way back, or only wait."""

from __future__ import annotations

from agent.model.runbook import Call, OnInconclusive, Plan, Verify
from tests.support.cases import NAME, WATCHED, When, fact, plan, step

NOT_WORSE = When(
    "after.restarts <= before.after.restarts",
    lambda facts: facts["after"]["restarts"] <= facts["before"]["after"]["restarts"],
)
CAREFUL = Verify(
    settle_seconds=5.0,
    within_seconds=60.0,
    observe=(Call(id="after", use="process.status", params={"target": NAME}),),
    success=(fact("after.alive"),),
    must_not_worsen=(NOT_WORSE,),
)
BACK = Verify(
    settle_seconds=2.0,
    within_seconds=30.0,
    every_seconds=10.0,
    observe=(Call(id="restored", use="process.log", params={"target": NAME}),),
    success=(fact("restored.fine"),),
    fail=(fact("restored.lost"),),
)
RISKY = plan(
    "risky",
    step("process.flush", id="flush"),
    rollback=(step("process.rollback", id="back"),),
    rollback_verify=BACK,
)
"""Done, and where its proof fails taken back by a step whose own proof is looked at."""
UNSEEN = Plan(
    name="risky",
    steps=RISKY.steps,
    verify=WATCHED,
    rollback=RISKY.rollback,
    rollback_verify=BACK,
    on_inconclusive=OnInconclusive.ROLL_BACK_AND_ESCALATE,
)
"""Taken back as well where nobody could see what came of it."""
WAIT = Plan(name="wait", steps=(), verify=WATCHED, settles=True)
