"""Time and tiers over HTTP: each act, its refusals, and the words people read of clocks."""

from datetime import timedelta

import pytest

from app.kernel import clock
from app.kernel.db import session
from app.kernel.work import unit_of_work
from app.tickets import queries
from app.tickets import service as tickets
from app.tickets.service import Words
from tests.make import leaves
from tests.make import tickets as make
from tests.make.answers import refused, taken
from workers import jobs

WHY = {"text": "配件要从厂里发过来"}


@pytest.fixture
def repairer(client_for):
    return client_for("repairer")


@pytest.fixture
def desk(client_for):
    return client_for("community")


@pytest.fixture
def street(client_for):
    return client_for("street")


@pytest.fixture
def started(world):
    return make.started(world, make.submitted(world))


def act(phone, ticket_id, name, body=None):
    return phone.post(f"/work/{ticket_id}/{name}", body)


def allow(phone, ticket_id):
    return taken(act(phone, ticket_id, "review", {"approved": True, "text": "属实"}))


def at(**much):
    return (clock.now() + timedelta(**much)).isoformat()


def said(phone, ticket_id, door="work"):
    return taken(phone.get(f"/{door}/{ticket_id}"))["clock"]


def queue(phone, name):
    return [one["id"] for one in taken(phone.get("/work", queue=name))["items"]]


def test_suspend_and_resume(world, repairer, desk, started):
    body = {**WHY, "reason": "parts", "until": at(days=17)}

    for wrong in ({"until": "下周"}, {"until": "2026-12-03"}, {"reason": ""}, {"text": 7}):
        refused(act(repairer, started, "suspend", {**body, **wrong}), 422, "invalid")
    refused(act(repairer, started, "suspend", WHY), 422, "invalid")
    refused(act(repairer, started, "suspend", {**body, "reason": "x"}), 422, "unknown_reason")
    refused(act(repairer, started, "suspend", {**body, "text": ""}), 422, "text_needed")
    refused(act(repairer, started, "suspend", {**body, "until": at(days=-1)}), 422, "until_past")
    refused(act(repairer, started, "suspend", {**body, "until": at(days=61)}), 422)
    taken(act(repairer, started, "suspend", body))
    shown = allow(desk, started)
    back = taken(act(repairer, started, "resume", {"text": "配件到了"}))

    assert (shown["state"], shown["clock"]["stands_still"]) == (
        "suspended",
        "暂停：等配件，预计12月3日恢复",
    )
    assert (back["state"], back["clock"]["stands_still"]) == ("in_progress", None)
    refused(act(repairer, started, "resume", {}), 409, "wrong_state")


def test_a_resident_reads_why_it_stands_still(world, client_for, started):
    leaves.paused(world, started, days=17)

    shown = taken(client_for("resident").get(f"/tickets/{started}"))

    assert shown["clock"]["stands_still"] == "暂停：等配件，预计12月3日恢复"
    assert shown["state_words"] == "暂停：等配件，预计12月3日恢复"
    assert shown["clock"]["words"] is None
    paused = [one["kind"] for one in shown["clock"]["rows"] if one["state"] == "paused"]
    assert paused == ["resolve"]
    assert "暂停：等配件，预计12月3日恢复" in [one["words"] for one in shown["timeline"]]


def test_extend(world, repairer, desk, started):
    body = {**WHY, "reason": "parts", "days": 3}

    for wrong in ({"days": 0}, {"days": 31}, {"days": "三"}, {"days": 1.5}):
        refused(act(repairer, started, "extend", {**body, **wrong}), 422, "invalid")
    refused(act(repairer, started, "extend", {**body, "reason": "x"}), 422, "unknown_reason")
    refused(act(repairer, started, "extend", {**body, "text": ""}), 422, "text_needed")
    taken(act(repairer, started, "extend", body))
    shown = allow(desk, started)

    assert shown["clock"]["due_at"] == "2026-11-23T10:00:00+00:00"
    assert shown["clock"]["words"] == "安居物业应在11月23日 18:00前办完"


def test_exclude(world, desk, street):
    ticket_id = make.resolved(world, make.submitted(world))
    body = {"reason": "third_party_only", "text": "只能由供电公司办"}

    refused(act(desk, ticket_id, "exclude", {"text": "x"}), 422, "invalid")
    refused(act(desk, ticket_id, "exclude", {**body, "reason": "x"}), 422, "unknown_reason")
    refused(act(desk, ticket_id, "exclude", {**body, "text": " "}), 422, "text_needed")
    taken(act(desk, ticket_id, "exclude", body))

    assert allow(street, ticket_id)["clock"]["excluded"] is True


def test_long_term(world, desk, street, started):
    refused(act(desk, started, "long_term", {}), 422, "text_needed")
    refused(act(desk, started, "long_term", {"text": "x", "days": 3}), 422, "invalid")
    taken(act(desk, started, "long_term", {"text": "要等老旧小区改造"}))
    shown = allow(street, started)

    rows = {one["kind"]: one["state"] for one in shown["clock"]["rows"]}
    assert shown["clock"]["long_term"] is True
    assert (rows["resolve"], rows["answer"]) == ("stopped", "running")


def test_escalate_and_lift_the_ceiling(world, repairer, desk, street, started):
    refused(act(repairer, started, "escalate", {}), 422, "text_needed")
    risen = taken(act(repairer, started, "escalate", {"text": "要协调供电"}))
    refused(act(desk, started, "escalate", {"text": "再上一级"}), 422, "at_ceiling")
    refused(act(desk, started, "lift_ceiling", {"text": "请街道"}), 422, "street_only")
    refused(act(street, started, "lift_ceiling", {}), 422, "text_needed")
    taken(act(street, started, "lift_ceiling", {"text": "街道来协调"}))
    higher = taken(act(desk, started, "escalate", {"text": "再上一级"}))

    assert (risen["tier"], risen["clock"]["came_in"]) == (2, "社区已介入")
    assert (higher["tier"], higher["clock"]["came_in"]) == (3, "街道已介入")


def test_supervise_and_answer(world, repairer, desk, started):
    body = {"level": "supervise", "text": "居民多次反映"}

    refused(act(desk, started, "supervise", {**body, "level": "shout"}), 422, "invalid")
    refused(act(desk, started, "supervise", {"text": "x"}), 422, "invalid")
    refused(act(desk, started, "supervise", {**body, "text": ""}), 422, "text_needed")
    refused(act(desk, started, "supervise", {**body, "level": "listed"}), 422, "street_only")
    refused(act(repairer, started, "answer", {"text": "x"}), 422, "no_supervision")
    asked = taken(act(desk, started, "supervise", body))
    refused(act(repairer, started, "answer", {}), 422, "text_needed")
    answered = taken(act(repairer, started, "answer", {"text": "下午到场"}))

    assert asked["clock"]["words"] == "安居物业应在明天 18:00前答复督办"
    rows = {one["kind"]: one["state"] for one in answered["clock"]["rows"]}
    assert rows["answer"] == "met"


def test_whistle_and_report_in(world, repairer, desk, started):
    water = str(world.organisations["water"])
    body = {"organisation": water, "due": at(hours=3), "text": "请到场关阀"}

    refused(act(desk, started, "whistle", {**body, "organisation": "水务"}), 422, "invalid")
    refused(act(desk, started, "whistle", {**body, "due": "明天"}), 422, "invalid")
    refused(act(desk, started, "whistle", {**body, "due": at(hours=-1)}), 422, "due_in_past")
    refused(act(desk, started, "whistle", {**body, "text": ""}), 422, "text_needed")
    refused(act(repairer, started, "whistle", body), 403, "not_your_act")
    came = {"organisation": water, "text": "水务已到场"}
    refused(act(desk, started, "report_in", came), 422, "not_called")
    taken(act(desk, started, "whistle", body))
    refused(act(desk, started, "report_in", {"text": "到了"}), 422, "invalid")
    shown = taken(act(desk, started, "report_in", came))

    assert {one["organisation"] for one in shown["holdings"]} == {"安居物业", "澄湖水务"}
    assert shown["timeline"][-1]["action"] == "report_in"


@pytest.mark.parametrize(("name", "door"), [("repairer", "work"), ("resident", "tickets")])
def test_what_is_promised_is_said_in_one_sentence(world, client_for, name, door):
    ticket_id, phone = make.submitted(world), client_for(name)

    promised = said(phone, ticket_id, door)
    make.started(world, ticket_id)
    working = said(phone, ticket_id, door)

    assert promised["words"] == "安居物业应在今天 12:00前接单"
    assert promised["holder"] == "安居物业"
    assert working["words"] == "安居物业应在11月18日 10:00前办完"
    assert [one["kind"] for one in working["rows"]] == ["accept", "respond", "resolve"]
    assert [one["state"] for one in working["rows"]] == ["met", "met", "running"]


def test_what_is_broken_is_said_and_who_came_in(world, repairer, client_for):
    ticket_id = make.submitted(world)

    with clock.frozen(queries.get(ticket_id).accept_due_at + timedelta(hours=2)):
        jobs.watch(clock.now())
        for phone, door in ((repairer, "work"), (client_for("resident"), "tickets")):
            told = said(phone, ticket_id, door)

            assert told["words"] == "安居物业接单已超时2小时，社区已介入"
            assert (told["came_in"], told["breaches"]) == ("社区已介入", 1)


def test_what_waits_for_the_desk_names_the_desk(world, desk):
    ticket_id = make.submitted(world, make.GUARD)

    told = said(desk, ticket_id)

    assert told["holder"] == "桂花社区居委会"
    assert told["words"] == "桂花社区居委会应在今天 16:00前派单并有人接单"


@pytest.fixture
def pressing(world):
    """One ticket in each list of time and tiers, beside one that is in none of them."""
    make.submitted(world, by="neighbour")
    found = {name: make.submitted(world) for name in ("escalated", "supervised")}
    make.started(world, found["supervised"])
    with unit_of_work():
        tickets.supervise(world.actor("community"), found["supervised"], "remind", Words("快"))
    return {name: str(one) for name, one in found.items()}


def test_the_lists_of_time_and_tiers(world, desk, repairer, client_for, pressing):
    make.started(world, noise := make.submitted(world))
    early = queries.get(noise).accept_due_at - timedelta(minutes=1)

    with clock.frozen(early):
        jobs.watch(early)
        soon = queue(desk, "due-soon")
        assert soon == queue(desk, "due_soon") == queue(repairer, "due-soon")
    with make.after(hours=3):
        jobs.watch(clock.now())
        risen = queue(desk, "escalated")

    assert pressing["escalated"] in soon
    assert pressing["supervised"] not in soon
    assert pressing["escalated"] in risen
    assert pressing["supervised"] not in risen
    assert queue(desk, "supervised") == queue(repairer, "supervised") == [pressing["supervised"]]
    for name in ("due-soon", "escalated", "supervised", "exceptions"):
        assert queue(client_for("rival"), name) == []


def test_what_cannot_go_up_is_listed_with_the_reason(world, desk, street):
    ticket_id = make.submitted(world)
    moment = queries.get(ticket_id).accept_due_at + timedelta(seconds=1)
    for _ in range(2):
        with clock.frozen(moment):
            jobs.watch(clock.now())
        session.expire_all()
        moment = (queries.get(ticket_id).tier_due_at or moment) + timedelta(seconds=1)

    with clock.frozen(moment):
        listed = queue(street, "exceptions")
        told = said(desk, ticket_id)

    assert listed == [str(ticket_id)]
    assert told["cannot_climb"] == "已到这类问题的最高层级，需要街道放开层级"


def test_counts_of_a_place_for_everybody(world, client_for):
    late = make.submitted(world)
    with clock.frozen(queries.get(late).resolve_due_at - timedelta(minutes=1)):
        jobs.watch(clock.now())
        make.resolved(world, late)
        with unit_of_work():
            tickets.verdict(world.actor("resident"), late, "yes", Words())
    quick = make.resolved(world, make.submitted(world))
    with unit_of_work():
        tickets.verdict(world.actor("resident"), quick, "yes", Words())
    phone, place = client_for("stranger"), str(world.places["community"])

    with make.after(days=3):
        shown = taken(phone.get("/counts", place=place))
        elsewhere = taken(phone.get("/counts", place=str(world.places["community2"])))

    assert (shown["place"], shown["days"], shown["closed"]) == ("桂花社区", 90, 2)
    assert shown["tiers"] == [{"tier": 1, "closed": 1}, {"tier": 2, "closed": 1}]
    assert (shown["share_at_tier_1"], shown["share_up_to_tier_2"]) == (0.5, 1.0)
    assert shown["breaches"] == queries.get(late).breaches == 2
    assert (elsewhere["closed"], elsewhere["share_at_tier_1"], elsewhere["breaches"]) == (
        0,
        None,
        0,
    )


def test_a_promise_kept_late_before_anybody_looked_is_counted(world, client_for):
    ticket_id = make.submitted(world)
    with clock.frozen(queries.get(ticket_id).accept_due_at + timedelta(minutes=1)):
        make.accepted(world, ticket_id)

    with make.after(hours=5):
        shown = taken(client_for("resident").get("/counts", place=str(world.places["compound"])))

    assert shown["breaches"] == queries.get(ticket_id).breaches == 1


def test_counts_tell_what_was_allowed_and_what_was_not(world, client_for, started):
    leaves.ask_time(world, started)
    leaves.decide(world, started, approved=False)
    leaves.ask_time(world, started)
    leaves.decide(world, started)
    leaves.paused(world, started)

    shown = taken(client_for("resident").get("/counts", place=str(world.places["street"])))

    assert (shown["granted"]["extend"], shown["granted"]["suspend"]) == (1, 1)
    assert (shown["granted"]["exclude"], shown["refused"]) == (0, 1)


def test_counts_are_of_a_compound_or_above(world, client_for):
    phone = client_for("resident")

    refused(phone.get("/counts", place=str(world.places["home"])), 422)
    refused(phone.get("/counts"), 422, "invalid")
    refused(phone.get("/counts", place="桂花苑"), 422, "invalid")
    refused(phone.get("/counts", place=str(world.places["compound"]), days=0), 422, "invalid")
    refused(phone.get("/counts", place=str(world.people["resident"])), 404)


def test_a_hand_over_is_contested_and_the_street_names_somebody(world, client_for):
    ticket_id = make.started(world, make.submitted(world))
    with unit_of_work():
        tickets.hand_over(ticket_id, world.organisations["rival_firm"], None)
    firm, street = client_for("manager"), client_for("street")

    refused(firm.post(f"/work/{ticket_id}/contest", {"text": ""}), 422)
    shown = taken(firm.get(f"/work/{ticket_id}"))
    assert [one["action"] for one in shown["actions"]] == ["contest"]
    taken(firm.post(f"/work/{ticket_id}/contest", {"text": "合同没有包括这台设备"}))
    refused(firm.post(f"/work/{ticket_id}/contest", {"text": "再说一次"}), 422, "review_open")
    elsewhere = {"approved": True, "organisation": str(world.organisations["community_desk"])}
    answered = taken(street.post(f"/work/{ticket_id}/review", elsewhere))

    assert (answered["state"], answered["handler"]) == ("dispatched", "桂花社区居委会")
    refused(firm.get(f"/work/{ticket_id}"), 404)
