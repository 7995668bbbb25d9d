"""Every act of handlers over HTTP: its good answer and its main refusal."""

from datetime import timedelta
from uuid import uuid4

import pytest

from app.kernel import clock
from app.kernel.work import unit_of_work
from app.tickets import service as tickets
from app.tickets.service import Target, Words
from app.tickets.states import ResultKind
from tests.make import media
from tests.make import tickets as make
from tests.make.answers import refused, taken


@pytest.fixture
def repairer(client_for):
    return client_for("repairer")


def act(phone, ticket_id, name, body=None):
    return phone.post(f"/work/{ticket_id}/{name}", body)


def at(**much):
    return (clock.now() + timedelta(**much)).isoformat()


def test_accept_once(world, repairer, client_for):
    ticket_id = make.submitted(world)

    shown = taken(act(repairer, ticket_id, "accept"))
    late = refused(act(client_for("repairer2"), ticket_id, "accept"), 409, "wrong_state")

    assert (shown["state"], shown["state_words"]) == ("accepted", "待联系/到场")
    assert late["state"] == "accepted"
    refused(act(repairer, ticket_id, "accept", {"text": "来了"}), 422, "invalid")


def test_only_the_lead_accepts(world, client_for):
    ticket_id = make.submitted(world)

    refused(act(client_for("community"), ticket_id, "accept"), 403, "not_your_act")
    refused(act(client_for("grid"), ticket_id, "accept"), 403, "not_your_act")
    refused(act(client_for("rival"), ticket_id, "accept"), 404, "not_found")
    refused(act(client_for("resident"), ticket_id, "accept"), 404, "not_found")


def test_claim_out_of_the_pool_and_of_nothing_else(world, repairer, client_for):
    ticket_id = make.submitted(world, make.UNSURE)
    target = Target(organisation_id=world.organisations["firm"], claimable=True)
    with unit_of_work():
        tickets.dispatch(world.actor("community"), ticket_id, target, Words("谁有空"))

    assert taken(act(repairer, ticket_id, "claim"))["state"] == "accepted"
    refused(act(client_for("repairer2"), ticket_id, "claim"), 409, "wrong_state")
    refused(act(repairer, make.submitted(world), "claim"), 422, "not_claimable")


def test_return_waits_for_the_desk(world, repairer):
    ticket_id = make.submitted(world)
    body = {"reason": "other_party", "text": "这是水务的管子"}

    refused(act(repairer, ticket_id, "return", {"text": "不归我们"}), 422, "invalid")
    refused(act(repairer, ticket_id, "return", {**body, "reason": "x"}), 422, "unknown_reason")
    refused(act(repairer, ticket_id, "return", {**body, "text": ""}), 422, "text_needed")
    shown = taken(act(repairer, ticket_id, "return", body))

    assert shown["state"] == "dispatched"
    assert [(one["kind"], one["reason"], one["text"]) for one in shown["reviews"]] == [
        ("return", "other_party", "这是水务的管子")
    ]
    refused(act(repairer, ticket_id, "return", body), 422, "review_open")
    refused(act(repairer, ticket_id, "accept"), 422, "review_open")


def test_assign_by_the_manager_to_the_firms_own(world, repairer, client_for):
    ticket_id, manager = make.submitted(world), client_for("manager")
    mate = str(world.people["repairer2"])

    refused(act(repairer, ticket_id, "assign", {"person": mate}), 403, "not_your_act")
    for stranger in (str(world.people["rival"]), str(uuid4())):
        refused(act(manager, ticket_id, "assign", {"person": stranger}), 422, "unknown_person")
    refused(act(manager, ticket_id, "assign", {}), 422, "invalid")
    taken(act(manager, ticket_id, "assign", {"person": mate, "text": "你去"}))

    (card,) = taken(client_for("repairer2").get("/work", queue="mine"))["items"]
    assert card["assignee"] == "1010"


def test_start_and_progress_with_public_and_inner_words(world, repairer, client_for):
    ticket_id = make.submitted(world)
    refused(act(repairer, ticket_id, "start"), 409, "wrong_state")
    taken(act(repairer, ticket_id, "accept"))

    assert taken(act(repairer, ticket_id, "start", {"text": "到了"}))["state"] == "in_progress"
    refused(act(repairer, ticket_id, "progress"), 422, "text_needed")
    taken(act(repairer, ticket_id, "progress", {"text": "等配件"}))
    taken(act(repairer, ticket_id, "progress", {"text": "仓库没货", "public": False}))

    told = taken(client_for("resident").get(f"/tickets/{ticket_id}"))["timeline"]
    assert [one["text"] for one in told if one["action"] == "progress"] == ["等配件"]


def test_assist_and_its_end(world, repairer, client_for):
    ticket_id, rival = make.started(world, make.submitted(world)), client_for("rival")
    body = {"organisation": str(world.organisations["rival_firm"]), "due": at(hours=5)}

    refused(act(repairer, ticket_id, "assist", {**body, "due": at(hours=-1)}), 422, "due_in_past")
    unknown = {**body, "organisation": str(uuid4())}
    refused(act(repairer, ticket_id, "assist", unknown), 422, "unknown_organisation")
    refused(act(repairer, ticket_id, "assist", {**body, "due": "明天"}), 422, "invalid")
    refused(act(repairer, ticket_id, "assist", {**body, "due": "2026-11-17"}), 422, "invalid")
    shown = taken(act(repairer, ticket_id, "assist", body))
    refused(act(repairer, ticket_id, "assist", body), 409, "already_handling")

    assert {one["role"] for one in shown["holdings"]} == {"lead", "co_handler"}
    assert taken(rival.get(f"/work/{ticket_id}"))["state"] == "in_progress"
    refused(act(rival, ticket_id, "resolve", {"text": "好了"}), 403, "not_your_act")
    refused(act(rival, ticket_id, "assist_done"), 422, "text_needed")
    left = taken(act(rival, ticket_id, "assist_done", {"text": "我们的部分好了"}))
    assert (left["actions"], left["timeline"], left["place"]) == ([], [], "桂花苑 3幢")
    refused(rival.get(f"/work/{ticket_id}"), 404, "not_found")
    refused(act(repairer, ticket_id, "assist_done", {"text": "好了"}), 403, "not_your_act")


def test_appoint_and_miss_each_other(world, repairer):
    ticket_id = make.accepted(world, make.submitted(world))
    window = {"from": at(hours=1), "to": at(hours=2)}

    refused(act(repairer, ticket_id, "appoint", {"from": at(hours=1)}), 422, "invalid")
    for wrong in ({"to": at(hours=30)}, {"to": at(minutes=30)}, {"from": at(), "to": at()}):
        refused(act(repairer, ticket_id, "appoint", {**window, **wrong}), 422, "bad_window")
    shown = taken(act(repairer, ticket_id, "appoint", window))
    refused(act(repairer, ticket_id, "no_show", {"text": "不在家"}), 422, "no_appointment")
    with make.after(hours=2):
        missed = taken(act(repairer, ticket_id, "no_show", {"text": "敲门没人应"}))

    assert (shown["appointment"]["from"], shown["appointment"]["no_show"]) == (
        window["from"],
        None,
    )
    assert missed["appointment"]["no_show"] == "resident"


def test_a_paid_offer_waits_for_consent(world, repairer):
    ticket_id = make.started(world, make.submitted(world))
    offer = {"pay": "paid", "amount_fen": 12000, "text": "换整灯120元"}

    wrong = ({"amount_fen": 0}, {"pay": "free"}, {"pay": "warranty"})
    for one in wrong:
        refused(act(repairer, ticket_id, "quote", {**offer, **one}), 422, "bad_quote")
    for one in ({"amount_fen": -1}, {"amount_fen": 10**9}, {"amount_fen": 1.5}, {"pay": "later"}):
        refused(act(repairer, ticket_id, "quote", {**offer, **one}), 422, "invalid")
    shown = taken(act(repairer, ticket_id, "quote", offer))

    assert shown["quote"] == {"pay": "paid", "amount_fen": 12000, "agreed": None}
    refused(act(repairer, ticket_id, "resolve", {"text": "修好了"}), 422, "quote_open")
    with unit_of_work():
        tickets.agree(world.actor("resident"), ticket_id, agreed=True, words=Words())
    photo = taken(repairer.upload(media.jpeg()), 201)["id"]
    done = {"text": "修好了", "media": [photo]}
    assert taken(act(repairer, ticket_id, "resolve", done))["state"] == "resolved"


def test_a_free_offer_needs_nobodys_consent(world, repairer):
    ticket_id = make.started(world, make.submitted(world))

    shown = taken(act(repairer, ticket_id, "quote", {"pay": "warranty", "text": "保修期内"}))

    assert shown["quote"]["amount_fen"] == 0
    assert "resolve" in {one["action"] for one in shown["actions"]}


def test_resolve_with_words_and_where_asked_a_photo(world, repairer):
    ticket_id = make.started(world, make.submitted(world))
    voice = taken(repairer.upload(media.voice()), 201)["id"]
    photo = taken(repairer.upload(media.jpeg()), 201)["id"]

    refused(act(repairer, ticket_id, "resolve", {"media": [photo]}), 422, "text_needed")
    refused(act(repairer, ticket_id, "resolve", {"text": "好了"}), 422, "photo_needed")
    only_voice = {"text": "好了", "media": [voice]}
    refused(act(repairer, ticket_id, "resolve", only_voice), 422, "photo_needed")
    wrong = {"text": "好了", "result": "done"}
    refused(act(repairer, ticket_id, "resolve", wrong), 422, "invalid")
    done = {"result": "partly", "text": "换了灯泡", "media": [photo]}
    shown = taken(act(repairer, ticket_id, "resolve", done))

    assert shown["state_words"] == "待居民确认"
    assert shown["timeline"][-1]["facts"] == {"result": "partly", "media": 1}
    refused(act(repairer, ticket_id, "resolve", done), 409, "wrong_state")


def test_the_handler_never_says_it_is_solved(world, repairer):
    ticket_id = make.resolved(world, make.submitted(world))

    refused(repairer.post(f"/tickets/{ticket_id}/rate", {"solved": "yes"}), 404, "not_found")
    said = {"solved": "yes", "text": "居民说好了"}
    refused(act(repairer, ticket_id, "follow_up", said), 403, "not_your_act")


def test_self_handle_on_the_spot(world, client_for):
    ticket_id, officer = make.submitted(world), client_for("grid")

    refused(act(officer, ticket_id, "self_handle"), 422, "text_needed")
    shown = taken(act(officer, ticket_id, "self_handle", {"text": "开关按一下就好了"}))

    assert shown["state"] == "resolved"
    refused(act(officer, ticket_id, "self_handle", {"text": "再来"}), 409, "wrong_state")


def test_all_results_are_taken(world, repairer):
    for result in ResultKind:
        ticket_id = make.started(world, make.submitted(world))
        photo = str(make.photo(world, "repairer"))
        done = {"result": result.value, "text": "说明", "media": [photo]}

        assert taken(act(repairer, ticket_id, "resolve", done))["state"] == "resolved"
