"""How races are run: the tickets they are about, the acts that begin together, what they left."""

import random
import time
from datetime import timedelta

import pytest

from app.kernel import clock
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from app.tickets.states import Action
from tests.faults.collision import collide
from tests.make import tickets as make


def rounds(few: int, many: int):
    """How often a race is run: ``few`` times, ``many`` under ``deep``."""
    return pytest.mark.parametrize("many", [few, pytest.param(many, marks=pytest.mark.deep)])


def reported(town, many: int, category: str = make.LIGHT) -> list:
    """Report ``many`` times; a light is dispatched to the firm by rule."""
    draft = make.draft(town, category)
    with unit_of_work():
        actor = town.actor("resident")
        ids = [tickets.submit(actor, draft).id for _ in range(many)]
    return ids


def silent(town, many: int) -> list:
    """Tickets resolved ten days ago that the resident never answered."""
    with clock.frozen(clock.now() - timedelta(days=10)):
        ids = reported(town, many)
        with unit_of_work():
            for ticket_id in ids:
                tickets.self_handle(town.actor("grid"), ticket_id, Words("拧紧就好了"))
    return ids


def statuses(answers) -> list[int]:
    return sorted(answer.status_code for answer in answers)


def race(acts) -> list:
    """Have every act begin at once; afterwards this thread sees what they left."""
    answers = collide(acts)
    session.rollback()
    session.expire_all()
    return answers


def later(act):
    """Hold an act back a little, so that not always the same one is the first."""

    def run():
        time.sleep(random.uniform(0, 0.02))  # noqa: S311
        return act()

    return run


def actions(ticket_id) -> list[Action]:
    return [step.action for step in queries.steps_of(ticket_id)]
