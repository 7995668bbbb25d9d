"""A slip opens one ticket to whoever holds it, for three things and for a while."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Forbidden, NotFound, RuleBroken, TooMany, Unauthenticated
from app.kernel.work import unit_of_work
from app.slips import rules, service
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from tests.make import tickets as make


@pytest.fixture
def filed(world):
    """A report the building head filed for a neighbour, among others."""
    make.submitted(world)
    make.submitted(world, by="head", on_behalf=True)
    return make.submitted(world, by="head", on_behalf=True)


def written(world, ticket_id, by="head"):
    with unit_of_work():
        return service.write(world.actor(by), ticket_id)


def number_of(ticket_id):
    return queries.get(ticket_id).number


def holder(world, ticket_id, by="head"):
    opened = service.open_with(number_of(ticket_id), written(world, ticket_id, by))
    return service.authenticate(opened.token)


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06}"


def try_wrongly(number, code, times):
    for _ in range(times):
        with pytest.raises(Unauthenticated):
            service.open_with(number, wrong(code))


def test_number_and_code_open_the_one_ticket(world, filed):
    code = written(world, filed)

    opened = service.open_with(number_of(filed), code)

    assert opened.ticket_id == filed
    writer = world.actor("head")
    assert service.authenticate(opened.token) == Actor(
        person_id=None,
        organisation_ids=writer.organisation_ids,
        slip_of=filed,
        slip_by=writer.person_id,
    )


def test_the_number_may_be_typed_as_it_is_printed(world, filed):
    code, digits = written(world, filed), number_of(filed)

    assert service.open_with(f" {digits[:4]}-{digits[4:8]} {digits[8:]}", code).ticket_id == filed


def test_whoever_holds_a_slip_is_nobody_else(world, filed):
    actor = holder(world, filed)
    others = make.submitted(world)

    assert not actor.is_system
    assert actor.grants == ()
    with pytest.raises(NotFound), unit_of_work():
        tickets.supplement(actor, others, Words("补充"))


def test_whoever_holds_a_slip_adds_words(world, filed):
    actor = holder(world, filed)

    with unit_of_work():
        tickets.supplement(actor, filed, Words("水还在漏"))

    step = queries.steps_of(filed)[-1]
    assert (step.relation, step.person_id) == ("slip_holder", None)


@pytest.mark.parametrize("act", ["nudge", "withdraw"])
def test_whoever_holds_a_slip_does_nothing_else(world, filed, act):
    actor = holder(world, filed)

    with pytest.raises(Forbidden), unit_of_work():
        getattr(tickets, act)(actor, filed, Words("请快一点"))


def test_a_new_slip_shuts_the_one_before(world, filed):
    first = written(world, filed)
    opened = service.open_with(number_of(filed), first)
    second = written(world, filed)

    assert service.authenticate(opened.token) is None
    if first != second:
        with pytest.raises(Unauthenticated):
            service.open_with(number_of(filed), first)
    service.open_with(number_of(filed), second)


def test_an_open_slip_shuts_after_half_an_hour(world, filed):
    opened = service.open_with(number_of(filed), written(world, filed))

    with clock.frozen(opened.expires_at - timedelta(seconds=1)):
        assert service.authenticate(opened.token) is not None
    with clock.frozen(opened.expires_at):
        assert service.authenticate(opened.token) is None


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "W10.aaaa.bbbb"])
def test_what_is_no_token_opens_nothing(world, token):
    assert service.authenticate(token) is None


def test_an_unknown_number_and_a_wrong_code_are_told_alike(world, filed):
    code = written(world, filed)
    said = []
    for number, guess in ((number_of(filed), wrong(code)), ("100000000000", code), ("", code)):
        with pytest.raises(Unauthenticated) as refusal:
            service.open_with(number, guess)
        said.append((refusal.value.code, refusal.value.detail))

    assert len(set(said)) == 1


def test_five_wrong_tries_shut_the_slip_for_a_while(world, filed):
    code, number = written(world, filed), number_of(filed)
    try_wrongly(number, code, rules.TRIES_IN_A_ROW)

    with pytest.raises(TooMany) as refusal:
        service.open_with(number, code)
    assert refusal.value.code == "slip_locked"

    with clock.frozen(clock.now() + rules.LOCK):
        service.open_with(number, code)


def test_twenty_wrong_tries_shut_it_for_a_day_unless_a_new_one_is_written(world, filed):
    code, number = written(world, filed), number_of(filed)
    for part in range(4):
        with clock.frozen(clock.now() + part * rules.LOCK):
            try_wrongly(number, code, rules.TRIES_IN_A_ROW)

    last = clock.now() + 3 * rules.LOCK
    with clock.frozen(last + rules.LOCK), pytest.raises(TooMany):
        service.open_with(number, code)
    with clock.frozen(last + rules.LONG_LOCK):
        service.open_with(number, code)
    with clock.frozen(last + rules.LOCK):
        service.open_with(number, written(world, filed))


@pytest.mark.parametrize("writer", ["head", "community"])
def test_a_slip_gives_no_verdict_on_the_work_of_whoever_wrote_it(world, filed, writer):
    """Whoever wrote it knows its code: who did the work must not judge it by that."""
    actor = holder(world, filed, by=writer)
    make.resolved(world, filed)
    with unit_of_work():
        ticket = queries.get(filed)
        if writer == "community":
            ticket.lead_id = world.organisations["community_desk"]
        else:
            step = queries.steps_of(filed)[-1]
            assert step.action == "resolve"
            actor = replace(actor, slip_by=step.person_id)

    with pytest.raises(RuleBroken) as refusal, unit_of_work():
        tickets.verdict(actor, filed, "yes", Words())

    assert refusal.value.code == "own_work"


def test_an_accused_writer_has_no_verdict_by_the_slip(world, filed):
    actor = holder(world, filed, by="community")
    make.resolved(world, filed)
    with unit_of_work():
        queries.get(filed).barred = world.organisations["community_desk"].hex

    with pytest.raises(RuleBroken) as refusal, unit_of_work():
        tickets.verdict(actor, filed, "yes", Words())

    assert refusal.value.code == "own_work"


def test_only_who_filed_it_or_the_desk_writes_slips(world, filed):
    for other in ("resident", "neighbour", "repairer", "rival", "grid", "other_community"):
        with pytest.raises(NotFound):
            written(world, filed, by=other)

    assert written(world, filed, by="community")


def test_who_reported_by_phone_needs_no_slip(world):
    own = make.submitted(world)

    with pytest.raises(RuleBroken) as refusal:
        written(world, own, by="community")

    assert refusal.value.code == "no_slip_needed"


def test_the_code_does_not_stand_in_the_table(world, filed):
    code = written(world, filed)

    assert code not in str(session.execute(text("SELECT code_hash FROM slip")).all())
