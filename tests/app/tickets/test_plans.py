"""Every list of tickets walks a partial index of its own, on both databases, page by page.

A few thousand rows, nearly all of them elsewhere or closed; what the database
says it will do is read from EXPLAIN.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text

from app.escalation import queries as escalation
from app.kernel import clock
from app.kernel.db import db, session
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.tickets import queries, worklists
from app.tickets.models import Ticket
from app.tickets.states import State
from tests.make import tickets as make

ROWS = 4000
TABLE: Any = Ticket.__table__


def clones(world) -> list[dict[str, Any]]:
    """Write rows like a real ticket's: 1 in 10 open, 1 in 20 of these near our people."""
    row = dict(session.execute(select(TABLE)).mappings().one())
    far = {
        "street_id": world.places["street2"],
        "community_id": world.places["community2"],
        "compound_id": world.places["firmless"],
        "desk_id": world.places["community2"],
        "lead_id": world.organisations["rival_firm"],
    }
    states = (State.SUBMITTED, State.DISPATCHED, State.IN_PROGRESS, State.RESOLVED)
    made = []
    for n in range(ROWS):
        is_open, is_near = n % 10 == 0, n % 200 < 40 and n % 20 == 0
        state = states[n // 10 % 4] if is_open else State.CLOSED
        own = {
            "id": new_id(),
            "number": f"{10**11 + n}",
            "state": state,
            "closed_at": None if is_open else clock.now(),
            "next_due_at": clock.now() + timedelta(minutes=n % 97 - 50) if is_open else queries.FAR,
            "look_at": clock.now() + timedelta(minutes=n % 89 - 9) if is_open else queries.FAR,
            "reporter_id": world.people["resident" if n % 100 == 0 else "old_resident"],
            "assignee_id": world.people["repairer" if is_near and n % 40 == 0 else "rival"],
            "claimable": is_near and n % 80 == 20,
            "desk_acts": n % 1000 == 0,
            "respondent_id": world.organisations["rival_firm"] if n % 500 == 0 else None,
            "handler_brief": None,
            "due_soon": is_open and n % 50 == 0,
            "supervised": "remind" if is_open and n % 70 == 0 else None,
            "first_id": world.organisations["firm"],
            "first_called_at": clock.now() if is_open and n % 150 == 10 else None,
            "escalated_at": clock.now() if is_open and n % 60 == 0 else None,
            "tier": 3 if is_open and n % 60 == 0 else 1,
        }
        if own["claimable"]:
            own |= {"assignee_id": None, "state": State.DISPATCHED}
        made.append({**row, **({} if is_near else far), **own})
    return made


@pytest.fixture
def many(world) -> Any:
    make.submitted(world)
    rows = clones(world)
    with unit_of_work():
        session.execute(insert(TABLE), rows)
    with unit_of_work():
        session.execute(text("ANALYZE"))
    return world


@contextmanager
def overheard() -> Iterator[list[tuple[str, Any]]]:
    """Listen to the statements that read tickets."""
    said: list[tuple[str, Any]] = []

    def hear(_connection, _cursor, statement, parameters, _context, _many):
        if "FROM ticket" in statement:
            said.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(db.engine, "before_cursor_execute", hear)


def plan_of(statement: str, parameters: Any) -> list[str]:
    """Ask the database how it would go about a statement."""
    how = "EXPLAIN QUERY PLAN " if db.engine.dialect.name == "sqlite" else "EXPLAIN "
    rows = session.connection().exec_driver_sql(how + statement, parameters).all()
    return [str(row[-1]) for row in rows]


def used(plan: list[str]) -> set[str]:
    """Name the indexes of tickets in a plan; a walk through all tickets is named, too."""
    lines = "\n".join(plan)
    found = set(re.findall(r"ix_ticket_\w+", lines))
    if re.search(r"Seq Scan on ticket\b|SCAN ticket(?! USING)", lines):
        found.add("every ticket")
    return found


LISTS = (
    ("to_dispatch", "community", {"ix_ticket_open_waiting"}),
    ("to_dispatch", "street", {"ix_ticket_open_waiting"}),
    ("pool", "repairer", {"ix_ticket_open_pool"}),
    ("mine", "repairer", {"ix_ticket_open_assignee"}),
    ("team", "repairer", {"ix_ticket_open_lead"}),
    ("team", "manager", {"ix_ticket_open_lead"}),
    ("team", "community", {"ix_ticket_open_lead", "acts"}),
    ("overdue", "community", {"ix_ticket_open_community", "ix_ticket_open_lead"}),
    ("overdue", "manager", {"ix_ticket_open_lead"}),
    ("due_soon", "community", {"ix_ticket_open_community", "ix_ticket_open_lead"}),
    ("due_soon", "manager", {"ix_ticket_open_lead"}),
    ("escalated", "community", {"ix_ticket_open_community"}),
    ("escalated", "street", {"ix_ticket_open_street"}),
    ("supervised", "street", {"ix_ticket_open_street", "ix_ticket_open_lead"}),
    ("supervised", "manager", {"ix_ticket_open_lead"}),
    ("first_duty", "manager", {"ix_ticket_open_first"}),
    ("first_duty", "repairer", {"ix_ticket_open_first"}),
    ("follow_up", "community", {"ix_ticket_open_community"}),
    ("briefs", "manager", {"ix_ticket_open_respondent"}),
    ("all", "grid", {"ix_ticket_open_compound"}),
    ("all", "community", {"ix_ticket_open_community", "ix_ticket_open_lead"}),
    ("all", "street", {"ix_ticket_open_street", "ix_ticket_open_lead"}),
    ("all", "district", {"ix_ticket_open_district", "ix_ticket_open_lead"}),
)


ACTS = {"sqlite": "ix_ticket_open_community", "postgresql": "ix_ticket_open_desk_acts"}
"""What a desk writes for others: SQLite prefers an equality, PostgreSQL the shorter index."""


def test_every_worklist_walks_its_own_index(many):
    acts = ACTS[db.engine.dialect.name]
    told = {}
    for queue, who, _ in LISTS:
        with overheard() as said:
            worklists.work_page(many.actor(who), queue, now=clock.now(), cursor=None, limit=20)
        told[queue, who] = used(plan_of(*said[0]))

    assert told == {
        (queue, who): {acts if index == "acts" else index for index in indexes}
        for queue, who, indexes in LISTS
    }


def test_a_page_in_the_middle_walks_the_same_index(many):
    asked = {"queue": "all", "now": clock.now(), "limit": 5}
    first = worklists.work_page(many.actor("community"), cursor=None, **asked)

    with overheard() as said:
        worklists.work_page(many.actor("community"), cursor=first.next_cursor, **asked)

    assert used(plan_of(*said[0])) == {"ix_ticket_open_community", "ix_ticket_open_lead"}


def test_a_number_is_found_by_its_index(many):
    with overheard() as said:
        worklists.work_page(
            many.actor("community"), "all", now=clock.now(), cursor=None, limit=20, number="1" * 12
        )

    plan = "\n".join(plan_of(*said[0]))
    assert re.search(r"uq_ticket_number|sqlite_autoindex_ticket_\d", plan), plan


def test_similar_open_tickets_are_found_by_compound_and_category(many):
    with overheard() as said:
        queries.similar(
            compound_id=many.places["compound"],
            building_id=many.places["building"],
            category_code=make.LIGHT,
        )

    assert used(plan_of(*said[0])) == {"ix_ticket_open_compound"}


def test_the_watcher_finds_what_is_due_by_its_own_index(many):
    with overheard() as said:
        due = escalation.due(clock.now(), 500)

    plan = plan_of(*said[0])
    assert used(plan) == {"ix_ticket_open_look"}
    assert not re.search("Sort|TEMP B-TREE", "\n".join(plan)), plan
    assert 20 < len(due) < 100


def test_the_watcher_takes_its_own_index_whatever_the_moment_and_the_limit_are(many):
    # PostgreSQL may plan a statement that is sent again and again for all values at once.
    if db.engine.dialect.name == "sqlite":
        pytest.skip("only PostgreSQL plans without the values")
    with overheard() as said:
        escalation.due(clock.now(), 500)

    statement, parameters = said[0]
    connection = session.connection()
    connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
    connection.exec_driver_sql(f"PREPARE the_watchers AS {statement}")
    moment, limit = parameters
    asked = f"EXPLAIN EXECUTE the_watchers('{moment.isoformat()}', {limit})"
    plan = [str(row[-1]) for row in connection.exec_driver_sql(asked)]
    connection.exec_driver_sql("DEALLOCATE the_watchers")

    assert "$1" in "\n".join(plan), plan
    assert used(plan) == {"ix_ticket_open_look"}


def test_a_walk_through_every_ticket_would_be_seen(many):
    with overheard() as said:
        session.scalars(select(Ticket).where(Ticket.public_label == "桂花苑 3幢")).all()

    assert used(plan_of(*said[0])) == {"every ticket"}


def test_pages_of_a_list_with_several_arms_leave_nothing_out_and_name_nothing_twice(many):
    actor, now = many.actor("community"), clock.now()
    session.expunge_all()
    near = session.scalars(
        select(Ticket).where(
            Ticket.closed_at.is_(None),
            (Ticket.community_id == many.places["community"])
            | (Ticket.lead_id == many.organisations["community_desk"]),
        )
    )
    wanted = [one.id for one in sorted(near, key=lambda ticket: (ticket.next_due_at, ticket.id))]

    found, cursor = [], None
    while True:
        page = worklists.work_page(actor, "all", now=now, cursor=cursor, limit=7)
        found += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert len(wanted) > 30
    assert found == wanted
