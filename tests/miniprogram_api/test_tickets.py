"""The resident's tickets over HTTP: reporting, one's own list, reading one."""

import re
from datetime import datetime, timedelta

import pytest

from app.kernel import clock
from app.tickets import queries
from tests.make import tickets as make
from tests.make.answers import refused, taken, walked

CLOCK = re.compile(r"(今天|明天|昨天|\d+月\d+日) ([01]\d|2[0-3]):[0-5]\d")


@pytest.fixture
def phone(client_for):
    return client_for("resident")


def body(world, **changes):
    given = {
        "category": "WPE-LIGHT",
        "place": {"scene": world.scenes["building"]},
        "text": "楼道灯不亮了",
        "media": [],
        "contact": {"name": "周桂芳", "phone": "10020000000"},
        "anonymous": False,
    }
    return {**given, **changes}


def test_a_report_gets_a_number_three_promises_and_a_handler(phone, world):
    receipt = taken(phone.post("/tickets", body(world)), 201)

    assert set(receipt) == {
        "id",
        "number",
        "state",
        "state_words",
        "due",
        "handler",
        "why",
        "query_code",
    }
    assert re.fullmatch(r"\d{4} \d{4} \d{4}", receipt["number"])
    assert (receipt["state"], receipt["handler"]) == ("dispatched", "安居物业")
    due = [datetime.fromisoformat(receipt["due"][one]) for one in ("accept", "respond", "resolve")]
    assert clock.now() < due[0] < due[1] < due[2]
    assert due[0] == clock.now() + timedelta(hours=2)
    assert receipt["why"]


@pytest.mark.parametrize("way", ["scene", "id"])
def test_a_place_may_be_said_in_several_ways(phone, world, way):
    place = {"scene": world.scenes["unit"]} if way == "scene" else {"id": str(world.places["unit"])}

    made = taken(phone.post("/tickets", body(world, place=place)), 201)

    assert taken(phone.get(f"/tickets/{made['id']}"))["place"] == "桂花苑 3幢 2单元"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"place": {}}, "place_needed"),
        ({"place": {"scene": "ABCDEFGHJK", "lat": 30.0, "lon": 120.0}}, "place_needed"),
        ({"place": {"lat": 30.0}}, "place_needed"),
        ({"text": "  "}, "text_needed"),
        ({"category": "NO-SUCH"}, "unknown_category"),
        ({"category": "EMG-GAS", "contact": None}, "phone_needed"),
        ({"category": "WPE-HOMEPLMB", "anonymous": True}, "anonymous_not_allowed"),
        ({"happened_at": "2026-11-16T03:00:00Z"}, "happened_later"),
        ({"on_behalf": True}, "may_not_file_for"),
        ({"media": ["01900000-0000-7000-8000-000000000000"]}, "bad_media"),
        ({"contact": "not a number"}, "invalid"),
        ({"contact": {"phone": "1" * 30}}, "invalid"),
        ({"accuse": "street"}, "invalid"),
    ],
)
def test_a_report_that_cannot_be_taken_says_why(phone, world, changes, code):
    refused(phone.post("/tickets", body(world, **changes)), 422, code)

    assert taken(phone.get("/tickets"))["items"] == []


def test_a_place_nobody_knows_is_not_found(phone, world):
    refused(phone.post("/tickets", body(world, place={"scene": "ABCDEFGHJK"})), 404)
    refused(phone.post("/tickets", body(world, place={"id": str(world.people["resident"])})), 404)


def test_inside_a_home_one_must_be_verified(world, client_for):
    stranger = client_for("stranger")

    refused(stranger.post("/tickets", body(world, category="WPE-HOMEPLMB")), 422, "not_verified")


def test_without_a_key_nothing_is_reported(phone, world):
    headers = {"Authorization": f"Bearer {phone.token}"}

    answer = phone.client.post("/mp/v1/tickets", json=body(world), headers=headers)

    refused(answer, 422, "idempotency_key_missing")


def test_a_repeat_gets_the_first_answer_and_another_body_none(phone, world):
    first = phone.post("/tickets", body(world), key="form-1")
    again = phone.post("/tickets", body(world), key="form-1")
    other = phone.post("/tickets", body(world, text="另一件事"), key="form-1")

    assert again.get_json() == first.get_json()
    refused(other, 422)
    assert len(taken(phone.get("/tickets"))["items"]) == 1


def test_a_refused_report_may_be_mended_under_the_same_key(phone, world):
    refused(phone.post("/tickets", body(world, text=""), key="form-1"), 422, "text_needed")

    taken(phone.post("/tickets", body(world), key="form-1"), 201)


def test_too_many_reports_in_a_minute_are_slowed_down(phone, world):
    for _ in range(20):
        taken(phone.post("/tickets", body(world)), 201)

    answer = phone.post("/tickets", body(world))

    refused(answer, 429, "too_many")
    assert int(answer.headers["Retry-After"]) > 0


def test_who_files_for_another_is_said(world, client_for):
    head = client_for("head")
    made = taken(head.post("/tickets", body(world, on_behalf=True)), 201)

    shown = taken(head.get(f"/tickets/{made['id']}"))

    assert shown["on_behalf"] is True
    staff = taken(client_for("community").get(f"/work/{made['id']}"))
    assert (staff["on_behalf"], staff["timeline"][0]["who"]) == (True, "代报人")


def test_the_own_list_pages_newest_first(world, phone):
    mine = []
    for minutes in range(5):
        with make.after(minutes=minutes):
            mine.append(str(make.submitted(world)))
    make.submitted(world, by="neighbour")
    make.submitted(world, scene="rival_building", by="stranger")

    pages = walked(phone, "/tickets", limit=2)

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [one["id"] for page in pages for one in page] == mine[::-1]


def test_the_own_list_may_leave_out_what_is_over(world, phone):
    over, still = make.submitted(world), make.submitted(world)
    taken(phone.post(f"/tickets/{over}/withdraw"))

    everything = taken(phone.get("/tickets"))["items"]
    left = taken(phone.get("/tickets", open="true"))["items"]

    assert len(everything) == 2
    assert [one["id"] for one in left] == [str(still)]


@pytest.mark.parametrize("path", ["/tickets", "/work", "/work/briefs"])
@pytest.mark.parametrize("cursor", ["x", "AAAA", "W10", "W1siciIsMV1d", "%", "e30", "WzFd" * 100])
def test_a_broken_cursor_is_refused(phone, path, cursor):
    refused(phone.get(path, cursor=cursor), 422, "bad_cursor")


@pytest.mark.parametrize("limit", [0, -1, 101, "x", "1.5", "9" * 30])
def test_a_page_has_a_fair_size(phone, limit):
    refused(phone.get("/tickets", limit=limit), 422, "invalid")


def test_the_reporter_reads_words_place_and_story(world, phone):
    ticket_id = make.resolved(world, make.submitted(world, scene="unit"))

    shown = taken(phone.get(f"/tickets/{ticket_id}"))

    assert shown["text"] == "楼道灯不亮了，住301的老人看不见路"
    assert shown["place"] == "桂花苑 3幢 2单元"
    assert shown["state_words"] == "已处理，请您确认"
    assert [(one["words"], one["who"]) for one in shown["timeline"]] == [
        ("您提交了", "您"),
        ("已派给安居物业", "系统"),
        ("已接单", "安居物业 工号1009"),
        ("已联系或到场，开始办理", "安居物业 工号1009"),
        ("已处理，请您确认", "安居物业 工号1009"),
    ]
    assert [one["text"] for one in shown["timeline"][3:]] == ["到了", "换了灯泡"]
    assert all(CLOCK.fullmatch(one["when"]) for one in shown["timeline"])
    assert {one["action"] for one in shown["actions"]} == {"rate", "rework", "supplement"}


def test_what_is_not_ones_own_looks_like_nothing(world, phone, client_for):
    foreign = make.submitted(world, by="neighbour")

    theirs = refused(phone.get(f"/tickets/{foreign}"), 404, "not_found")
    nothing = refused(phone.get(f"/tickets/{world.people['resident']}"), 404, "not_found")

    assert {**theirs, "request_id": ""} == {**nothing, "request_id": ""}


def test_similar_tickets_show_place_state_and_count_only(world, client_for):
    ticket_id = make.submitted(world)
    make.submitted(world, "ENV-CLEAN")
    make.submitted(world, scene="rival_building", by="stranger")

    items = taken(
        client_for("neighbour").get(
            "/tickets/similar", category="WPE-LIGHT", scene=world.scenes["building"]
        )
    )["items"]

    assert items == [
        {
            "id": str(ticket_id),
            "category": "WPE-LIGHT",
            "place": "桂花苑 3幢",
            "state": "dispatched",
            "submitted_at": items[0]["submitted_at"],
            "followers": 0,
        }
    ]


@pytest.mark.parametrize("category", ["SEC-PATROL", "NBR-DISPUTE", "WPE-HOMEPLMB"])
def test_similar_tickets_are_off_where_they_would_tell_on_somebody(world, phone, category):
    make.submitted(world, category)

    answer = phone.get("/tickets/similar", category=category, scene=world.scenes["building"])

    assert taken(answer)["items"] == []


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"category": "WPE-LIGHT"}, 422, "place_needed"),
        ({"scene": "ABCDEFGHJK"}, 422, "invalid"),
        ({"category": "WPE-LIGHT", "scene": "ABCDEFGHJK"}, 404, "unknown_scene"),
        ({"category": "WPE-LIGHT", "lat": "30"}, 422, "place_needed"),
        ({"category": "WPE-LIGHT", "text": "灯"}, 422, "invalid"),
    ],
)
def test_similar_needs_a_category_and_a_place(phone, query, status, code):
    refused(phone.get("/tickets/similar", **query), status, code)


def test_a_reporter_keeps_what_they_said_to_contact(world, phone):
    taken(phone.post("/tickets", body(world, contact="100 2000 0000")), 201)

    (ticket,) = queries.own_page(world.actor("resident"), cursor=None, limit=9).items

    assert ticket.contact_phone == "100 2000 0000"
