"""The demo district once loaded: whole, sound, alike for one seed, and with work to do."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from app.demo import queries, service
from app.identity import queries as identity
from app.identity import service as identity_service
from app.identity.models import RoleGrant
from app.identity.rules import BindingStatus, Role
from app.kernel import clock, marks, outbox, stamps
from app.kernel.actor import SYSTEM
from app.kernel.db import db, session
from app.kernel.errors import Conflict, RuleBroken
from app.kernel.work import unit_of_work
from app.media import queries as media
from app.reviews import queries as reviews
from app.tickets import queries as ticket_queries
from app.tickets import service as tickets
from app.tickets import worklists
from app.tickets.models import Ticket
from app.tickets.service import Draft, Where
from app.tickets.states import Action, State
from app.wechat import gateway
from config import DEMO
from tests.conftest import MONDAY

TICKETS = 80
NOT_YET = {State.SUSPENDED}
"""States no act leads to yet."""


@pytest.fixture(scope="module")
def loaded(bare_app, database):
    """The demo, loaded once and kept as a template, with its report."""
    with bare_app.app_context():
        db.engine.dispose()
        database.reset()
        stamps.forget_all()
        report = service.load(MONDAY, tickets=TICKETS)
        session.remove()
        db.engine.dispose()
        database.keep("demo")
    return report


@pytest.fixture
def demo(bare_app, database, loaded):
    """A fresh copy of the loaded demo, the clock held where the demo ends."""
    with bare_app.app_context(), clock.frozen(MONDAY):
        db.engine.dispose()
        database.reset("demo")
        stamps.forget_all()
        yield loaded
        session.remove()
        db.engine.dispose()


def who(code):
    account = next(one for one in queries.accounts() if one.code == code)
    people = session.scalars(
        select(queries.WechatIdentity.person_id).where(
            queries.WechatIdentity.openid_index
            == queries.crypto.blind_index("openid", account.code)
        )
    )
    return identity.actor_of(people.one())


def work(code, queue):
    actor = who(code)
    return worklists.work_page(actor, queue, now=MONDAY, cursor=None, limit=100).items


def test_every_state_and_every_role_is_there(demo):
    roles = set(session.scalars(select(RoleGrant.role)))

    assert set(demo.states) == set(State) - NOT_YET
    assert roles == set(Role)
    assert sum(demo.states.values()) >= TICKETS


def test_nothing_stumbled_and_every_history_is_sound(demo):
    assert demo.stumbles == ()
    assert [(number, flaws) for number, flaws in tickets.verify() if flaws] == []


def test_what_was_told_is_no_news(demo):
    found = outbox.backlog()

    assert (found.unfanned, found.ready, found.later, found.dead) == (0, 0, 0, 0)


def test_no_ticket_is_told_ahead_of_its_time(demo):
    steps = [step for found in _histories().values() for step in found]

    assert max(step.at for step in steps) <= MONDAY
    assert all(
        [step.at for step in found] == sorted(step.at for step in found)
        for found in _histories().values()
    )


def _histories():
    ids = list(session.scalars(select(Ticket.id)))
    return ticket_queries.steps_of_many(ids)


class Hiccup:
    """Hears the progress, and breaks the first telling off once the district stands."""

    def __init__(self):
        self.broke = False

    def __call__(self, words):
        if words.startswith("正在讲述") and not self.broke:
            self.broke = True
            raise RuleBroken


def test_one_seed_and_one_moment_make_one_demo_even_at_the_second_try(bare_app, database, loaded):
    progress = Hiccup()

    with bare_app.app_context():
        db.engine.dispose()
        database.reset()
        stamps.forget_all()
        again = service.load(MONDAY, tickets=TICKETS, progress=progress)
        session.remove()
        db.engine.dispose()

    assert progress.broke
    assert (again.digest, again.states, again.acts) == (
        loaded.digest,
        loaded.states,
        loaded.acts,
    )


def test_a_second_demo_is_refused(demo):
    with pytest.raises(Conflict) as refused:
        service.load(MONDAY, tickets=TICKETS)

    assert refused.value.code == "not_empty"
    assert queries.digest() == demo.digest


def test_a_database_with_people_is_no_place_for_a_demo(app, monday):
    with unit_of_work():
        identity_service.add_person(SYSTEM, name="周桂芳")

    with pytest.raises(Conflict):
        service.load(monday, tickets=TICKETS)

    assert not marks.demo_marked()


def test_a_corridor_light_goes_to_the_firm_of_dev_repairer(demo):
    account = next(one for one in queries.accounts() if one.code == "dev-resident")
    draft = Draft(category="WPE-LIGHT", where=Where(scene=account.scene), text="三楼到四楼的灯不亮")

    with unit_of_work():
        ticket = tickets.submit(who("dev-resident"), draft)

    assert ticket.state is State.DISPATCHED
    assert ticket.lead_id in who("dev-repairer").organisation_ids
    assert ticket.lead_id in who("dev-manager").organisation_ids
    assert ticket.lead_id not in who("dev-rival").organisation_ids


def test_every_log_in_opens_its_account(demo, settings):
    before = list(gateway._installed)
    gateway.install(gateway.DevCodes(replace(settings, env=DEMO)))
    try:
        opened = {
            one.code: identity_service.log_in_with_code(one.code) for one in queries.accounts()
        }
    finally:
        gateway._installed[:] = before

    actors = {code: identity.actor_of_token(one.token) for code, one in opened.items()}
    assert len(actors) == 14
    assert {code for code, one in actors.items() if one.person_id == who(code).person_id} == set(
        actors
    )


def test_the_desks_have_a_password(demo):
    opened = [
        identity_service.log_in_with_password(name, password)
        for name, password in demo.passwords.items()
    ]

    assert len(opened) == 4


def test_everybody_finds_something_to_do(demo):
    assert work("dev-community", "to_dispatch")
    assert work("dev-community", "overdue")
    assert work("dev-street", "all")
    assert len(work("dev-repairer", "pool")) >= 2
    assert work("dev-repairer", "team")
    assert work("dev-manager", "team")
    assert work("dev-rival", "team")
    assert work("dev-grid", "all")
    assert reviews.awaiting(who("dev-community2")).items


def test_the_resident_has_tickets_in_many_states(demo):
    own = ticket_queries.own_page(who("dev-resident"), cursor=None, limit=50).items

    assert len({ticket.state for ticket in own}) >= 5
    assert any(ticket.accusing for ticket in own)


def test_acts_of_every_kind_were_told(demo):
    told = Counter(step.action for found in _histories().values() for step in found)

    assert {
        Action.CLAIM,
        Action.QUOTE,
        Action.APPOINT,
        Action.ASK_RETURN,
        Action.DECLINE,
        Action.MERGE,
        Action.SPLIT,
        Action.BRIEF,
        Action.REWORK,
        Action.ASK_REWORK,
        Action.NUDGE,
        Action.WITHDRAW,
        Action.AUTO_CLOSE,
        Action.VERDICT,
    } <= set(told)


def test_photos_hang_on_tickets_and_can_be_looked_at(demo):
    resolved = session.scalars(select(Ticket).where(Ticket.state == State.RESOLVED)).all()
    shown = [one for ticket in resolved for one in media.of_ticket(ticket.id)]

    assert shown
    assert all(one.size < 200_000 for one in shown)


def test_some_homes_still_wait_for_the_community(demo):
    waiting = identity.pending_bindings(SYSTEM).items

    assert waiting
    assert all(one.claimed_at > MONDAY - timedelta(days=10) for one in waiting)
    home = identity.homes(who("dev-resident").person_id)[0]
    assert home.status is BindingStatus.CONFIRMED
