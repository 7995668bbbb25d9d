"""My account over HTTP: phone, log-ins, hats, invites."""

import pytest

from app.kernel import clock
from tests.make.answers import refused, taken
from tests.make.phone import PREFIX, Phone
from tests.make.phones import knowing, network

PHONE = "10012345678"


@pytest.fixture
def texts():
    with network() as made:
        yield made


@pytest.fixture
def client(bare_app, world):
    return bare_app.test_client()


def by_text(client, texts, phone=PHONE):
    sent = client.post(PREFIX + "/session/sms_code", json={"phone": phone})
    assert sent.status_code == 204, sent.get_data(as_text=True)
    code = texts.last_code(phone)
    return client.post(PREFIX + "/session/sms", json={"phone": phone, "sms_code": code})


def test_a_text_logs_in(client, texts):
    body = taken(by_text(client, texts))

    me = taken(Phone(client, body["token"]).get("/me"))
    assert (me["phone"], me["phone_proven"], me["roles"]) == ("100****5678", True, [])


def test_a_wrong_code_is_refused_in_words(client, texts):
    by_text(client, texts)

    again = client.post(
        PREFIX + "/session/sms", json={"phone": PHONE, "sms_code": texts.last_code(PHONE)}
    )

    refused(again, 401, "bad_sms_code")


@pytest.mark.parametrize("code", ["12345", "１２３４５６", "12345a", "1234567"])
def test_what_is_no_code_is_refused_at_the_door(client, code):
    answer = client.post(PREFIX + "/session/sms", json={"phone": PHONE, "sms_code": code})

    assert "sms_code" in refused(answer, 422)["errors"]


def test_a_second_text_at_once_says_how_long_to_wait(client, texts):
    by_text(client, texts)

    answer = client.post(PREFIX + "/session/sms_code", json={"phone": PHONE})

    refused(answer, 429, "code_too_soon")
    assert 0 < int(answer.headers["Retry-After"]) <= 61


def test_a_lost_answer_is_told_again_to_the_same_phone(client):
    with knowing():
        sent = {"code": "o-1", "device": "d-1"}
        first = taken(client.post(PREFIX + "/session", json=sent))
        again = taken(client.post(PREFIX + "/session", json=sent))
        other = client.post(PREFIX + "/session", json={"code": "o-1", "device": "d-2"})

    assert again == first
    refused(other, 401, "bad_code")


def test_wechat_proves_a_phone(client):
    with knowing(p1=("o-1", PHONE)):
        opened = taken(client.post(PREFIX + "/session", json={"code": "o-1"}))
        phone = Phone(client, opened["token"])
        bound = taken(phone.post("/me/phone", {"code": "p1"}))

    assert bound["person_id"] == opened["person"]["id"]
    assert taken(phone.get("/me"))["phone_proven"] is True


def test_a_resident_with_a_report_keeps_it_when_binding_a_known_phone(client, texts, client_for):
    taken(by_text(client, texts))
    resident = client_for("resident")
    with clock.frozen(clock.now().replace(hour=5)):
        assert resident.post("/me/phone/code", {"phone": PHONE}).status_code == 204
        sent = {"phone": PHONE, "sms_code": texts.last_code(PHONE)}
        bound = taken(resident.post("/me/phone", sent))

    assert bound["person_id"] == taken(resident.get("/me"))["person"]["id"]


@pytest.mark.parametrize(
    "sent",
    [{}, {"phone": PHONE}, {"sms_code": "123456"}, {"code": "x", "phone": PHONE}],
    ids=["nothing", "phone alone", "code alone", "both ways"],
)
def test_half_a_proof_is_refused(client_for, sent):
    refused(client_for("resident").post("/me/phone", sent), 422)


def test_one_logs_out_on_a_lost_phone(client_for):
    kept, lost = client_for("resident"), client_for("resident")
    items = taken(kept.get("/me/sessions"))["items"]
    gone = next(one["id"] for one in items if not one["current"])

    assert kept.delete(f"/me/sessions/{gone}").status_code == 204

    refused(lost.get("/me"), 401)
    assert len(taken(kept.get("/me/sessions"))["items"]) == 1


def test_the_session_of_another_is_not_found(client_for):
    resident, stranger = client_for("resident"), client_for("stranger")
    (theirs,) = taken(stranger.get("/me/sessions"))["items"]

    refused(resident.delete(f"/me/sessions/{theirs['id']}"), 404)
    taken(stranger.get("/me"))


def test_one_logs_out_everywhere(client_for):
    phones = [client_for("resident") for _ in range(3)]

    assert phones[0].delete("/me/sessions").status_code == 204

    for phone in phones:
        refused(phone.get("/me"), 401)


def test_a_hat_is_put_on_and_taken_off(client_for):
    phone = client_for("community")
    (hat,) = taken(phone.get("/me"))["hats"]
    assert (hat["organisation"], hat["place"]) == ("桂花社区居委会", "桂花社区")

    assert phone.put("/me/hat", {"hat": "resident"}).status_code == 204
    assert taken(phone.get("/me"))["roles"] == []

    assert phone.put("/me/hat", {"hat": None}).status_code == 204
    assert taken(phone.get("/me"))["roles"] == ["community_staff"]
    refused(phone.put("/me/hat", {"hat": "admin:1"}), 422, "unknown_hat")


def test_under_another_hat_a_right_is_not_there(client_for):
    manager = client_for("manager")
    taken(manager.get("/staff/invites"))

    manager.put("/me/hat", {"hat": "resident"})

    refused(manager.get("/staff/invites"), 403)


def test_a_manager_invites_and_the_invited_comes_in(client, client_for, world, texts):
    manager = client_for("manager")
    made = taken(
        manager.post(
            "/staff/invites",
            {
                "name": "石一",
                "phone": PHONE,
                "role": "repairer",
                "organisation_id": str(world.organisations["firm"]),
            },
        ),
        201,
    )
    assert made["scene"] == f"i={made['code']}"

    newcomer = Phone(client, taken(by_text(client, texts))["token"])
    assert taken(newcomer.post("/me/invite", {"code": made["code"]}))["roles"] == ["repairer"]

    assert taken(newcomer.get("/me"))["roles"] == ["repairer"]
    (listed,) = taken(manager.get("/staff/invites"))["items"]
    assert listed["used_at"]
    assert "code" not in listed
    refused(manager.delete(f"/staff/invites/{made['id']}"), 409, "invite_over")


def test_a_repairer_invites_nobody(client_for, world):
    sent = {
        "name": "石一",
        "phone": PHONE,
        "role": "repairer",
        "organisation_id": str(world.organisations["firm"]),
    }

    refused(client_for("repairer").post("/staff/invites", sent), 403)
    refused(client_for("rival").post("/staff/invites", sent), 404)
