"""What people were told is forgotten after half a year, and found by its indexes until then."""

import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, insert, text, update

from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import db, session
from app.kernel.ids import new_id
from app.kernel.work import unit_of_work
from app.notifications import queries, service
from app.notifications.models import Message
from app.notifications.rules.settling import State
from app.notifications.rules.ways import Way
from app.notifications.service import keeping
from tests.make import news
from tests.make import tickets as make
from workers import jobs, timetable

DAY = timedelta(days=1)


def rows(world, many, *, age, settled=True, name="neighbour", channel=Way.INBOX):
    """Lay down messages of a certain age, in the order of their ids."""
    at = clock.now() - age
    return [
        {
            "id": new_id(),
            "event_id": new_id(),
            "person_id": world.people[name],
            "kind": "closed",
            "audience": "resident",
            "channel": channel,
            "state": State.SENT if settled else State.WAITING,
            "title": "已结束",
            "text": "已结束",
            "facts": "{}",
            "page": "",
            "then": [],
            "created_at": at,
            "due_at": at,
            "owed_at": at,
            "settled_at": at if settled else None,
        }
        for _ in range(many)
    ]


def lay(*groups):
    with unit_of_work():
        session.execute(insert(Message), [row for group in groups for row in group])


def left():
    return {one.id for one in news.messages()}


def test_old_messages_go_in_batches_and_young_ones_stay(world, monkeypatch):
    monkeypatch.setattr(keeping, "BATCH", 7)
    with unit_of_work():
        session.query(Message).delete()
    old = rows(world, 20, age=keeping.KEPT + DAY)
    young = rows(world, 20, age=keeping.KEPT - DAY)
    lay(old, young)

    jobs.forget_messages(clock.now())

    assert left() == {row["id"] for row in young}


def test_what_has_no_end_stays_however_old_and_holds_nobody(world, monkeypatch):
    monkeypatch.setattr(keeping, "BATCH", 5)
    with unit_of_work():
        session.query(Message).delete()
    stuck = rows(world, 11, age=keeping.KEPT + DAY, settled=False)
    lay(stuck, rows(world, 5, age=keeping.KEPT + DAY))

    jobs.forget_messages(clock.now())

    assert left() == {row["id"] for row in stuck}


def test_a_young_message_ends_the_walk(world, monkeypatch):
    monkeypatch.setattr(keeping, "BATCH", 5)
    with unit_of_work():
        session.query(Message).delete()
    lay(rows(world, 30, age=DAY))
    with overheard() as said, unit_of_work():
        assert service.forget_messages(clock.now()) is None

    assert len([one for one, _ in said if one.startswith("SELECT")]) == 1


def test_the_timetable_forgets_daily():
    (job,) = [one for one in timetable.TIMETABLE if one.name == "notifications.forget_messages"]

    assert job.every_s == timetable.DAY_S
    assert timedelta(days=180) == service.KEPT


@pytest.fixture
def many(world):
    make.submitted(world)
    news.drained()
    lay(
        rows(world, 4000, age=DAY),
        rows(world, 2000, age=DAY, channel=Way.WECHAT),
        rows(world, 20, age=DAY, settled=False, channel=Way.SMS),
        rows(world, 30, age=DAY, name="resident"),
        rows(world, 200, age=DAY, name="resident", channel=Way.WECHAT),
    )
    with unit_of_work():
        is_theirs = Message.person_id == world.people["neighbour"]
        session.execute(update(Message).where(is_theirs).values(read_at=clock.now()))
    with unit_of_work():
        session.execute(text("ANALYZE"))
    return world


def _is_sqlite():
    return db.engine.dialect.name == "sqlite"


@contextmanager
def overheard():
    """Listen to the statements that read messages."""
    said = []

    def hear(_connection, _cursor, statement, parameters, _context, _many):
        if "message" in statement:
            said.append((statement, parameters))

    event.listen(db.engine, "before_cursor_execute", hear)
    try:
        yield said
    finally:
        event.remove(db.engine, "before_cursor_execute", hear)


def used(said):
    """Name the indexes of messages in the plan of a statement; a walk through all of them, too."""
    statement, parameters = said
    how = "EXPLAIN QUERY PLAN " if _is_sqlite() else "EXPLAIN "
    plan = session.connection().exec_driver_sql(how + statement, parameters).all()
    lines = "\n".join(str(row[-1]) for row in plan)
    found = set(re.findall(r"ix_message_\w+", lines))
    if re.search(r"Seq Scan on message\b|SCAN message(?! USING)", lines):
        found.add("every message")
    return found


def accused_reader(world):
    """Somebody whose inbox is filtered, because they belong to an organisation."""
    return world.actor("manager")


def look(world, which):
    reader: Actor = world.actor("resident") if which != "inbox of staff" else accused_reader(world)
    now = clock.now()
    {
        "inbox": lambda: queries.inbox(reader, cursor=None, limit=20),
        "inbox of staff": lambda: queries.inbox(reader, cursor=None, limit=20),
        "unread": lambda: queries.unread(reader),
        "sweeper": lambda: queries.forgotten(now - service.FORGOTTEN_AFTER, now, 200),
    }[which]()


@pytest.mark.parametrize(
    ("which", "index"),
    [
        ("inbox", {"ix_message_inbox"}),
        ("inbox of staff", {"ix_message_inbox"}),
        ("unread", {"ix_message_unread"}),
        ("sweeper", {"ix_message_owed"}),
    ],
)
def test_lists_are_found_by_their_partial_indexes(many, which, index):
    session.rollback()
    with overheard() as said:
        look(many, which)

    assert used(said[0]) == index


@pytest.mark.parametrize(
    ("which", "index"),
    [
        ("inbox", "ix_message_inbox"),
        ("unread", "ix_message_unread"),
        ("sweeper", "ix_message_owed"),
    ],
)
def test_control_without_its_index_a_list_is_found_otherwise(many, which, index):
    with unit_of_work():
        session.execute(text(f"DROP INDEX {index}"))
    with overheard() as said:
        look(many, which)

    assert used(said[0]) != {index}
