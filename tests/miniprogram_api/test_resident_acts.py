"""Every act of residents over HTTP: its good answer and its main refusal."""

import pytest

from app.kernel.work import unit_of_work
from app.tickets import service as tickets
from app.tickets.service import Words
from app.tickets.states import ResultKind
from tests.make import media, news
from tests.make import tickets as make
from tests.make.answers import refused, taken


@pytest.fixture
def phone(client_for):
    return client_for("resident")


@pytest.fixture
def neighbour(client_for):
    return client_for("neighbour")


def act(phone, ticket_id, name, body=None):
    return phone.post(f"/tickets/{ticket_id}/{name}", body)


def test_nudge_after_the_accept_time_and_not_before(world, phone):
    ticket_id = make.submitted(world)
    refused(act(phone, ticket_id, "nudge"), 422, "nudge_too_early")

    with make.after(hours=3):
        shown = taken(act(phone, ticket_id, "nudge", {"text": "还没来"}))
        refused(act(phone, ticket_id, "nudge"), 422, "nudged_lately")

    assert shown["nudges"] == 1
    assert shown["overdue"] == "已超时1小时"


def test_withdraw_freely_before_acceptance_with_words_after(world, phone):
    fresh, held = make.submitted(world), make.accepted(world, make.submitted(world))

    assert taken(act(phone, fresh, "withdraw"))["state_words"] == "您已撤回"
    refused(act(phone, held, "withdraw"), 422, "text_needed")
    assert taken(act(phone, held, "withdraw", {"text": "自己修好了"}))["state"] == "withdrawn"
    again = refused(act(phone, held, "withdraw", {"text": "再撤一次"}), 409, "wrong_state")
    assert again["state"] == "withdrawn"


def test_supplement_with_words_or_a_photo_but_not_with_nothing(world, phone):
    ticket_id = make.submitted(world)
    photo = taken(phone.upload(media.jpeg()), 201)["id"]

    taken(act(phone, ticket_id, "supplement", {"text": "三楼也不亮"}))
    shown = taken(act(phone, ticket_id, "supplement", {"media": [photo]}))

    assert [one["text"] for one in shown["timeline"][-2:]] == ["三楼也不亮", None]
    assert [one["id"] for one in shown["timeline"][-1]["media"]] == [photo]
    refused(act(phone, ticket_id, "supplement"), 422, "text_needed")


def test_rework_is_free_once_and_asked_for_the_second_time(world, phone):
    ticket_id = make.resolved(world, make.submitted(world))
    refused(act(phone, ticket_id, "rework"), 422, "text_needed")

    assert taken(act(phone, ticket_id, "rework", {"text": "还是不亮"}))["state"] == "in_progress"
    words = Words("又换了", [make.photo(world, "repairer")])
    with unit_of_work():
        tickets.resolve(world.actor("repairer"), ticket_id, ResultKind.FIXED, words)
    second = taken(act(phone, ticket_id, "rework", {"text": "又灭了"}))

    assert second["state"] == "resolved"
    assert second["timeline"][-1]["words"] == "已处理，请您确认"
    refused(act(phone, ticket_id, "rework", {"text": "又灭了"}), 422, "review_open")


def test_the_verdict_closes_and_is_given_once(world, phone):
    ticket_id = make.resolved(world, make.submitted(world))
    refused(act(phone, ticket_id, "rate", {}), 422, "invalid")
    refused(act(phone, ticket_id, "rate", {"solved": "maybe"}), 422, "invalid")
    refused(act(phone, ticket_id, "rate", {"solved": "yes", "satisfaction": "5"}), 422, "invalid")
    verdict = {"solved": "partly", "satisfaction": "mostly_satisfied", "text": "还行"}

    shown = taken(act(phone, ticket_id, "rate", verdict))

    assert (shown["state"], shown["state_words"]) == ("closed", "已结束（您确认部分解决）")
    refused(act(phone, ticket_id, "rate", verdict), 409, "wrong_state")


def test_a_verdict_too_early_is_refused(world, phone):
    refused(act(phone, make.submitted(world), "rate", {"solved": "yes"}), 409, "wrong_state")


def test_reopen_within_thirty_days(world, phone, client_for):
    ticket_id = make.resolved(world, make.submitted(world))
    refused(act(phone, ticket_id, "reopen", {"text": "又坏了"}), 409, "wrong_state")
    taken(act(phone, ticket_id, "rate", {"solved": "yes"}))

    with make.after(days=31):
        late = client_for("resident")
        refused(act(late, ticket_id, "reopen", {"text": "又坏了"}), 422, "reopen_too_late")
    shown = taken(act(phone, ticket_id, "reopen", {"text": "又坏了"}))

    assert shown["state"] == "in_progress"


def test_an_offer_is_answered_by_the_reporter(world, phone, neighbour):
    ticket_id = make.started(world, make.submitted(world))
    refused(act(phone, ticket_id, "agree", {"agreed": True}), 422, "no_quote")
    taken(act(neighbour, ticket_id, "join"))
    with unit_of_work():
        tickets.quote(world.actor("repairer"), ticket_id, "paid", 8000, Words("换整灯80元"))

    asked = taken(phone.get(f"/tickets/{ticket_id}"))
    agreed = taken(act(phone, ticket_id, "agree", {"agreed": True}))

    assert asked["quote"] == {"pay": "paid", "amount_fen": 8000, "agreed": None}
    assert "agree" in {one["action"] for one in asked["actions"]}
    assert agreed["quote"]["agreed"] is True
    refused(act(phone, ticket_id, "agree", {}), 422, "invalid")
    refused(act(neighbour, ticket_id, "agree", {"agreed": True}), 403, "not_your_act")


def test_a_missed_visit_is_said_by_the_resident(world, phone):
    ticket_id = make.accepted(world, make.submitted(world))
    refused(act(phone, ticket_id, "no_show", {"text": "没来"}), 422, "no_appointment")
    with make.after(hours=1) as from_at, unit_of_work():
        to_at = from_at.replace(hour=from_at.hour + 2)
        tickets.appoint(world.actor("repairer"), ticket_id, from_at, to_at, Words())

    with make.after(hours=4):
        shown = taken(act(phone, ticket_id, "no_show", {"text": "等了半天没来"}))
        refused(act(phone, ticket_id, "no_show", {"text": "没来"}), 409, "already_recorded")

    assert shown["appointment"]["no_show"] == "handler"
    assert shown["timeline"][-1]["words"] == "师傅没有到"


def test_joining_twice_is_joining_once(world, neighbour, phone):
    ticket_id = make.submitted(world)

    taken(act(neighbour, ticket_id, "join"))
    shown = taken(act(neighbour, ticket_id, "join"))

    assert shown["followers"] == 1
    assert [one["id"] for one in taken(neighbour.get("/tickets"))["items"]] == [str(ticket_id)]
    assert taken(act(phone, ticket_id, "join"))["followers"] == 1


@pytest.mark.parametrize(
    "hidden",
    [
        lambda world: make.submitted(world, make.GUARD),
        lambda world: make.submitted(world, "NBR-DISPUTE"),
        lambda world: make.submitted(world, "WPE-HOMEPLMB"),
        lambda world: make.submitted(world, scene="home"),
        lambda world: make.submitted(world, accuse="property"),
        lambda world: make.resolved(world, make.submitted(world)),
        lambda world: world.people["resident"],
    ],
    ids=["accusing", "sensitive", "in home", "at a home", "ticked", "done", "missing"],
)
def test_what_could_not_be_offered_cannot_be_joined(world, neighbour, hidden):
    ticket_id = hidden(world)

    said = refused(act(neighbour, ticket_id, "join"), 404, "not_found")

    assert "state" not in said


def test_who_joined_reads_the_story_without_the_reporter(world, phone, neighbour):
    ticket_id = make.submitted(world, scene="unit")
    taken(act(neighbour, ticket_id, "join"))
    taken(act(phone, ticket_id, "supplement", {"text": "我姓周，住301"}))
    make.started(world, ticket_id)
    with unit_of_work():
        repairer = world.actor("repairer")
        with make.after(hours=1) as at:
            pass
        tickets.appoint(
            repairer, ticket_id, at, at.replace(hour=at.hour + 1), Words("周阿姨一点在家")
        )
        tickets.quote(repairer, ticket_id, "paid", 100, Words("周阿姨家的灯"))
    news.drained()  # what staff wrote is looked at before neighbours read it

    answer = neighbour.get(f"/tickets/{ticket_id}")

    shown, said = taken(answer), answer.get_data(as_text=True)
    assert shown["place"] == "桂花苑 3幢"
    assert (shown["text"], shown.get("appointment"), shown.get("quote")) == (None, None, None)
    assert [hidden for hidden in ("301", "周", "2单元", "amount") if hidden in said] == []
    assert "到了" in said
    assert [one["words"] for one in shown["timeline"]] == [
        "居民提交了",
        "已派给安居物业",
        "又有居民反映同一问题",
        "居民补充了情况",
        "已接单",
        "已联系或到场，开始办理",
        "约好上门时间",
        "师傅报价，同意后再修",
    ]
    assert {one["action"] for one in shown["actions"]} <= {"nudge", "rate"}


def test_the_words_of_who_joined_are_not_for_the_reporter(world, phone, neighbour, client_for):
    ticket_id = make.submitted(world)
    taken(act(neighbour, ticket_id, "join"))
    with make.after(hours=3):
        own = taken(act(neighbour, ticket_id, "nudge", {"text": "我家302也黑"}))
        story = taken(phone.get(f"/tickets/{ticket_id}"))["timeline"]
        staff = taken(client_for("community").get(f"/work/{ticket_id}"))["timeline"]

    assert own["timeline"][-1]["text"] == "我家302也黑"
    assert own["timeline"][-1]["words"] == "您催了一次"
    assert (story[-1]["text"], story[-1]["words"], story[-1]["who"]) == (
        None,
        "居民催了一次",
        "居民",
    )
    assert (staff[-1]["text"], staff[-1]["who"]) == ("我家302也黑", "居民")


def test_a_verdict_of_who_joined_is_kept_beside_and_closes_nothing(world, phone, neighbour):
    ticket_id = make.submitted(world)
    taken(act(neighbour, ticket_id, "join"))
    make.resolved(world, ticket_id)

    shown = taken(act(neighbour, ticket_id, "rate", {"solved": "no", "text": "302还黑"}))
    refused(act(neighbour, ticket_id, "rate", {"solved": "yes"}), 409, "already_rated")
    closed = taken(act(phone, ticket_id, "rate", {"solved": "yes"}))

    assert shown["state"] == "resolved"
    assert closed["state_words"] == "已解决（您已确认）"
    assert taken(neighbour.get(f"/tickets/{ticket_id}"))["state_words"] == "已解决（居民已确认）"
    (card,) = taken(neighbour.get("/tickets"))["items"]
    assert card["state_words"] == "已解决（居民已确认）"
