"""The workflow as a page for people, made from the table and from nothing else."""

from app.tickets import wording, workflow
from app.tickets.states import Relation, State

WHO = {
    Relation.REPORTER: "reporter",
    Relation.FILER: "filer",
    Relation.SLIP_HOLDER: "holder of the slip",
    Relation.FOLLOWER: "follower",
    Relation.NEIGHBOUR: "any resident",
    Relation.LEAD: "lead",
    Relation.ASSIGNEE: "assignee",
    Relation.LEAD_MANAGER: "lead's manager",
    Relation.CO_HANDLER: "co-handler",
    Relation.DISPATCHER: "desk",
    Relation.REVIEWER: "second person",
    Relation.VERIFIER: "grid worker, officer",
    Relation.CALLER: "caller",
    Relation.READER: "reader",
    Relation.FIRST_HANDLER: "who had it first",
    Relation.FORMER_LEAD: "firm that handed over",
    Relation.SYSTEM: "the product",
}

HEAD = """# The life of a ticket

Made by `flask tickets workflow` from `app/tickets/workflow.py`; do not edit by hand.
`resolved` is the handler's word, `closed` the resident's or silence. An empty *to* keeps
the state. Acts without a button follow from another act or from the clock.

## States

| state | residents read | staff read |
|---|---|---|
"""

ACTS = """
## Acts

| act | staff say | residents read | from | to | who | guard | needs | button |
|---|---|---|---|---|---|---|---|---|
"""


def workflow_page() -> str:
    """Write the page."""
    states = "".join(
        f"| `{state}` | {wording.state_for_resident(state, reason=None, handler='××')} "
        f"| {wording.STATE_STAFF[state]} |\n"
        for state in State
    )
    acts = "".join(_line(row) for row in workflow.TABLE)
    return HEAD + states + ACTS + acts


def _line(row: workflow.Transition) -> str:
    cells = (
        f"`{row.action}`",
        row.staff_zh,
        row.resident_zh,
        ", ".join(f"`{state}`" for state in State if state in row.sources),
        f"`{row.to}`" if row.to else "",
        ", ".join(WHO[one] for one in Relation if one in row.who),
        "" if row.guard.__name__ == "always" else f"`{row.guard.__name__}`",
        ", ".join(f"`{need}`" for need in row.needs),
        "yes" if row.button else "",
    )
    return "| " + " | ".join(cells) + " |\n"
