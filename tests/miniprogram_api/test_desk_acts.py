"""Every act of the desk over HTTP: its good answer and its main refusal."""

from uuid import uuid4

import pytest

from app.kernel.work import unit_of_work
from app.tickets import service as tickets
from app.tickets.service import Words
from tests.make import tickets as make
from tests.make.answers import refused, taken


@pytest.fixture
def desk(client_for):
    return client_for("community")


def act(phone, ticket_id, name, body=None):
    return phone.post(f"/work/{ticket_id}/{name}", body)


def to(world, organisation="firm", **more):
    return {"organisation": str(world.organisations[organisation]), "text": "请处理", **more}


def test_dispatch_to_an_organisation_that_may_lead(world, desk, client_for):
    ticket_id, accusing = make.submitted(world, make.GUARD), make.submitted(world, make.GUARD)

    unknown = {"organisation": str(uuid4())}
    refused(act(desk, ticket_id, "dispatch", unknown), 422, "unknown_organisation")
    refused(act(desk, ticket_id, "dispatch", to(world)), 422, "accused_never_leads")
    wrong = to(world, "rival_firm", person=str(world.people["repairer"]))
    refused(act(desk, ticket_id, "dispatch", wrong), 422, "unknown_person")
    refused(act(client_for("grid"), ticket_id, "dispatch", to(world)), 404, "not_found")
    shown = taken(act(desk, ticket_id, "dispatch", to(world, "community_desk")))

    assert (shown["state"], shown["handler"]) == ("dispatched", "桂花社区居委会")
    refused(act(desk, ticket_id, "dispatch", to(world, "rival_firm")), 409, "wrong_state")
    refused(act(client_for("other_community"), accusing, "dispatch", to(world)), 404, "not_found")


def test_transfer_with_words_to_somebody_else(world, desk, client_for):
    ticket_id = make.accepted(world, make.submitted(world))

    refused(act(desk, ticket_id, "transfer", to(world, "rival_firm", text="")), 422, "text_needed")
    refused(act(desk, ticket_id, "transfer", to(world)), 422, "same_lead")
    refused(
        act(client_for("repairer"), ticket_id, "transfer", to(world, "rival_firm")),
        403,
        "not_your_act",
    )
    shown = taken(act(desk, ticket_id, "transfer", to(world, "rival_firm")))

    assert (shown["state"], shown["handler"]) == ("dispatched", "康泰物业")
    assert [one["to_at"] is None for one in shown["holdings"]] == [False, True]


def test_decline_needs_a_second_person(world, desk, client_for):
    ticket_id = make.submitted(world, make.GUARD)
    body = {"reason": "legal_procedure", "text": "已在法院立案，请等判决"}

    refused(act(desk, ticket_id, "decline", {"reason": "lazy", "text": "x"}), 422, "unknown_reason")
    asked = taken(act(desk, ticket_id, "decline", body))
    refused(act(desk, ticket_id, "review", {"approved": True}), 403, "own_request")
    refused(act(client_for("grid"), ticket_id, "review", {"approved": True}), 404)
    second = client_for("community2")
    offered = {one["action"] for one in taken(second.get(f"/work/{ticket_id}"))["actions"]}
    refused(act(second, ticket_id, "review", {}), 422, "invalid")
    refused(act(second, ticket_id, "review", {"approved": False}), 422, "words_needed")
    shown = taken(act(second, ticket_id, "review", {"approved": True, "text": "可向法院咨询"}))

    assert "review" in offered
    assert "review" not in {one["action"] for one in asked["actions"]}
    assert (shown["state"], shown["state_words"]) == ("declined", "不予受理")
    resident = taken(client_for("resident").get(f"/tickets/{ticket_id}"))
    assert resident["timeline"][-1]["words"] == "未受理：已进入诉讼、仲裁或复议"
    assert resident["timeline"][-1]["text"] == "可向法院咨询"
    refused(act(second, ticket_id, "review", {"approved": True}), 409, "no_review")


def test_a_return_refused_stays_with_the_handler(world, desk):
    ticket_id = make.submitted(world)
    with unit_of_work():
        repairer = world.actor("repairer")
        tickets.ask_return(repairer, ticket_id, "other_party", Words("不归我们"))

    shown = taken(act(desk, ticket_id, "review", {"approved": False, "text": "归你们"}))

    assert (shown["state"], shown["handler"], shown["reviews"]) == ("dispatched", "安居物业", [])


def test_reclassify_to_a_category_that_is_one(world, desk):
    ticket_id = make.submitted(world)
    body = {"category": "ENV-CLEAN", "text": "其实是保洁"}

    refused(act(desk, ticket_id, "reclassify", {**body, "category": "X"}), 422, "unknown_category")
    refused(act(desk, ticket_id, "reclassify", {**body, "text": ""}), 422, "text_needed")
    shown = taken(act(desk, ticket_id, "reclassify", body))

    assert shown["category"] == "ENV-CLEAN"


def test_a_desk_that_finds_itself_accused_is_out_at_once(world, desk):
    ticket_id = make.submitted(world)
    body = {"category": make.STAFF, "text": "投诉的是我们自己"}

    left = taken(act(desk, ticket_id, "reclassify", body))

    assert (left["timeline"], left["actions"], left.get("text")) == ([], [], None)
    refused(desk.get(f"/work/{ticket_id}"), 404, "not_found")


def test_relocate_to_a_place_that_is_one(world, desk):
    ticket_id = make.submitted(world)
    where = {"scene": world.scenes["building2"]}

    refused(act(desk, ticket_id, "relocate", {"text": "5幢", "place": {}}), 422, "place_needed")
    lost = {"text": "5幢", "place": {"scene": "ABCDEFGHJK"}}
    refused(act(desk, ticket_id, "relocate", lost), 404, "unknown_scene")
    shown = taken(act(desk, ticket_id, "relocate", {"text": "是5幢", "place": where}))

    assert shown["place"] == "桂花苑 5幢"


def test_merge_what_is_the_same(world, desk, client_for):
    ticket_id, master = make.submitted(world), make.submitted(world, by="neighbour")
    other = make.submitted(world, "ENV-CLEAN")
    foreign = make.submitted(world, scene="old_building", by="old_resident")

    def merge(phone, into):
        return act(phone, ticket_id, "merge", {"master": str(into), "text": "同一盏灯"})

    refused(merge(desk, ticket_id), 422, "same_ticket")
    refused(merge(desk, other), 422, "not_the_same")
    theirs, nothing = refused(merge(desk, foreign), 404), refused(merge(desk, uuid4()), 404)
    assert {**theirs, "request_id": ""} == {**nothing, "request_id": ""}
    for into in (master, foreign, uuid4()):
        refused(merge(client_for("repairer"), into), 403, "not_your_act")
    shown = taken(merge(desk, master))

    assert (shown["state"], shown["state_words"]) == ("merged", "已并单")
    joined = taken(client_for("resident").get(f"/tickets/{master}"))
    assert joined["followers"] == 1
    refused(merge(desk, master), 409, "wrong_state")


def test_split_into_parts(world, desk, client_for):
    ticket_id = make.submitted(world, make.GUARD)
    parts = [
        {"category": "WPE-LIGHT", "text": "灯不亮"},
        {"category": "ENV-CLEAN", "text": "地很脏"},
    ]

    refused(act(desk, ticket_id, "split", {"parts": parts[:1]}), 422, "invalid")
    wrong = {"parts": [parts[0], {"category": "X", "text": "x"}]}
    refused(act(desk, ticket_id, "split", wrong), 422, "unknown_category")
    ids = taken(act(desk, ticket_id, "split", {"parts": parts}))["ids"]

    assert len(ids) == 2
    own = {one["id"] for one in taken(client_for("resident").get("/tickets"))["items"]}
    assert own == {*ids, str(ticket_id)}
    refused(act(desk, ticket_id, "split", {"parts": parts}), 422, "split")


def test_brief_for_the_accused_only_where_there_is_one(world, desk, client_for):
    ticket_id = make.submitted(world, make.GUARD)

    refused(act(desk, ticket_id, "brief"), 422, "text_needed")
    refused(act(desk, make.submitted(world), "brief", {"text": "说明"}), 422, "no_respondent")
    taken(act(desk, ticket_id, "brief", {"text": "有居民反映夜间门岗无人"}))

    manager = client_for("manager")
    page = taken(manager.get("/work/briefs"))
    assert page == {
        "items": [
            {
                "id": str(ticket_id),
                "category": "门岗巡逻失职",
                "brief": "有居民反映夜间门岗无人",
                "state_words": page["items"][0]["state_words"],
            }
        ],
        "next_cursor": None,
    }
    assert taken(manager.get(f"/work/{ticket_id}/brief")) == page["items"][0]
    refused(desk.get(f"/work/{ticket_id}/brief"), 404, "not_found")
    assert taken(client_for("rival").get("/work/briefs"))["items"] == []


def test_transcript_is_for_staff(world, desk, client_for):
    ticket_id = make.submitted(world)

    refused(act(desk, ticket_id, "transcript"), 422, "text_needed")
    refused(act(client_for("repairer"), ticket_id, "transcript", {"text": "x"}), 403)
    shown = taken(act(desk, ticket_id, "transcript", {"text": "语音说三楼也黑"}))

    assert shown["timeline"][-1]["text"] == "语音说三楼也黑"
    told = client_for("resident").get(f"/tickets/{ticket_id}").get_data(as_text=True)
    assert "语音说三楼也黑" not in told


def test_follow_up_is_the_callers_and_closes(world, desk, client_for):
    ticket_id = make.resolved(world, make.submitted(world))
    body = {"solved": "yes", "satisfaction": "satisfied", "text": "居民说亮了"}

    refused(act(desk, ticket_id, "follow_up", {**body, "text": ""}), 422, "text_needed")
    refused(act(desk, ticket_id, "follow_up", {"text": "没打通"}), 422, "bad_verdict")
    refused(act(client_for("manager"), ticket_id, "follow_up", body), 403, "not_your_act")
    shown = taken(act(desk, ticket_id, "follow_up", body))
    noted = taken(act(desk, ticket_id, "follow_up", {"text": "再问一次，还好"}))

    assert (shown["state"], shown["state_words"]) == ("closed", "已办结（居民确认解决）")
    assert noted["timeline"][-1]["words"] == "回访记录"


def test_rework_for_who_said_so_on_the_phone(world, desk, client_for):
    ticket_id = make.resolved(world, make.submitted(world))

    refused(act(client_for("repairer"), ticket_id, "rework", {"text": "再来"}), 403)
    shown = taken(act(desk, ticket_id, "rework", {"text": "电话里说没修好"}))

    assert shown["state"] == "in_progress"
    refused(act(desk, ticket_id, "rework", {"text": "再来"}), 409, "wrong_state")


def test_reopen_what_came_back(world, desk):
    ticket_id = make.resolved(world, make.submitted(world))
    refused(act(desk, ticket_id, "reopen", {"text": "又坏了"}), 409, "wrong_state")
    with unit_of_work():
        tickets.verdict(world.actor("resident"), ticket_id, "yes", Words())

    shown = taken(act(desk, ticket_id, "reopen", {"text": "巡查发现又坏了"}))

    assert shown["state"] == "in_progress"
    assert shown["timeline"][-1]["words"] == "重新办理"
