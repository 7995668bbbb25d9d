"""What people allow is a ledger: counted once, capped, and only of what we ask for."""

from uuid import UUID

import pytest

from app.kernel import crypto
from app.kernel.db import session
from app.kernel.errors import Forbidden, Invalid
from app.kernel.work import unit_of_work
from app.notifications import queries, service
from app.notifications.models import GrantEntry
from app.notifications.rules.ways import Way
from app.notifications.service import TemplateDraft
from tests.make import news

FIRST, SECOND = UUID(int=1), UUID(int=2)


@pytest.fixture(autouse=True)
def asked(world):
    with news.outfit(Way.WECHAT):
        news.template("accepted", "resident", "T1")
        yield


def note(world, report_id, *answers, name="resident"):
    with unit_of_work():
        return service.note_subscription(world.actor(name), report_id, answers)


def balance(world, template_id="T1", name="resident"):
    session.rollback()
    session.expire_all()
    row = queries.balances(world.people[name]).get(template_id)
    return (row.granted - row.used) if row else None


def index_of(name):
    return crypto.blind_index("openid", f"dev-{name}")


def push(occurred, *answers, name="resident"):
    with unit_of_work():
        return service.on_push_popup(index_of(name), occurred, answers)


def test_each_accepted_popup_adds_one(world):
    note(world, FIRST, ("T1", "accept"))
    note(world, SECOND, ("T1", "accept"))

    assert balance(world) == 2


def test_the_same_report_counts_once(world):
    for _ in range(3):
        note(world, FIRST, ("T1", "accept"))

    assert balance(world) == 1


@pytest.mark.parametrize("status", ["reject", "ban", "filter"])
def test_a_refusal_adds_nothing_and_is_remembered(world, status):
    note(world, FIRST, ("T1", status))

    assert balance(world) == 0
    assert queries.balances(world.people["resident"])["T1"].last_status == status


def test_a_template_we_never_ask_for_is_left_out(world):
    assert note(world, FIRST, ("T-other", "accept")) == 0
    assert balance(world, "T-other") is None


def test_a_client_cannot_pile_up_more_than_twenty(world):
    for number in range(25):
        note(world, UUID(int=number), ("T1", "accept"))

    assert balance(world) == 20


def test_with_pushes_set_up_theirs_is_the_word(world):
    with news.outfit(Way.WECHAT, pushed=True):
        assert note(world, FIRST, ("T1", "accept")) == 0
        assert push(1795000000, ("T1", "accept")) == 1
        assert push(1795000000, ("T1", "accept")) == 0
        assert push(1795000001, ("T1", "accept")) == 1

    assert balance(world) == 2


def test_a_push_about_nobody_we_know_changes_nothing(world):
    assert push(1, ("T1", "accept"), name="nobody-here") == 0


def test_switching_a_template_off_ends_all_grants_once(world):
    push(1, ("T1", "accept"))
    with unit_of_work():
        assert service.on_push_change(index_of("resident"), 2, [("T1", "reject")]) == 1
    push(3, ("T1", "accept"))
    with unit_of_work():
        assert service.on_push_change(index_of("resident"), 2, [("T1", "reject")]) == 0

    assert balance(world) == 1


def test_a_long_term_grant_is_not_used_up(world):
    news.template("closed", "resident", "T-long", long_term=True)
    note(world, FIRST, ("T-long", "accept"))

    with unit_of_work():
        spent = [service.granting.reserve(world.people["resident"], "T-long") for _ in range(3)]

    assert spent == [True] * 3


def test_the_ledger_sums_to_the_balance(world):
    note(world, FIRST, ("T1", "accept"))
    note(world, SECOND, ("T1", "accept"))
    with unit_of_work():
        service.granting.reserve(world.people["resident"], "T1")
        service.granting.refund(world.people["resident"], "T1")
        service.granting.reserve(world.people["resident"], "T1")
        service.granting.zero(world.people["resident"], "T1")

    session.rollback()
    deltas = [one.delta for one in session.query(GrantEntry).order_by(GrantEntry.id)]
    assert deltas == [1, 1, -1, 1, -1, -1]
    assert balance(world) == 0


def test_kinds_of_subscription_are_never_asked_for_together(world):
    news.template("please_confirm", "resident", "T2")
    news.template("closed", "resident", "T-long", long_term=True)
    from_clock = queries.asks("submit", service.granting.clock.now())

    assert from_clock == ["T1", "T2"]


def draft(**changes):
    given = {
        "kind": "accepted",
        "audience": "resident",
        "channel": "wechat",
        "title": "已接单",
        "text": "{category}",
        "template_id": "T9",
        "fields": {"thing1": "{category}"},
    }
    return TemplateDraft(**{**given, **changes})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "gossip"}, "unknown_news"),
        ({"channel": "pigeon"}, "unknown_news"),
        ({"template_id": None}, "no_template"),
        ({"fields": {"words1": "{category}"}}, "bad_field"),
        ({"text": "{reporter}"}, "bad_placeholder"),
        ({"fields": {"thing1": "{phone}"}}, "bad_placeholder"),
        ({"text": "{category"}, "bad_placeholder"),
    ],
)
def test_words_that_cannot_be_filled_are_refused(world, changes, code):
    with unit_of_work(), pytest.raises(Invalid) as refusal:
        service.set_template(world.actor("admin"), draft(**changes))

    assert refusal.value.code == code


def test_only_who_runs_the_installation_sets_the_words(world):
    with unit_of_work(), pytest.raises(Forbidden):
        service.set_template(world.actor("community"), draft())
