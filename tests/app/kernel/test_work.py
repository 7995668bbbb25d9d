"""One unit of work: everything or nothing, and never one inside another."""

import pytest
from sqlalchemy import func, select

from app.kernel import audit
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.work import unit_of_work

pytestmark = pytest.mark.usefixtures("app")


def entries() -> int:
    return session.scalar(select(func.count()).select_from(audit.AuditEntry)) or 0


def look_and_stumble():
    with unit_of_work():
        audit.record(SYSTEM, "looked", "ticket")
        session.flush()
        raise ZeroDivisionError


def test_a_unit_commits_what_it_holds():
    with unit_of_work():
        audit.record(SYSTEM, "looked", "ticket")

    assert entries() == 1


def test_a_unit_that_fails_leaves_nothing():
    with pytest.raises(ZeroDivisionError):
        look_and_stumble()

    assert entries() == 0


def test_units_do_not_nest():
    with unit_of_work(), pytest.raises(RuntimeError, match="nest"), unit_of_work():
        pass
