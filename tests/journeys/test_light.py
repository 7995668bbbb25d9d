"""A broken corridor light, from the resident's photo to the resident's verdict."""

from datetime import timedelta

import pytest

from app.kernel import clock
from app.tickets import service as tickets
from tests.make import media


@pytest.fixture
def report(world, client_for):
    """A corridor light reported with a photo by the resident of 3幢."""
    phone = client_for("resident")
    photo = phone.upload(media.jpeg()).get_json()["id"]
    answer = phone.post(
        "/tickets",
        {
            "category": "WPE-LIGHT",
            "place": {"scene": world.scenes["building"]},
            "text": "二楼到三楼的灯不亮，老人上下楼看不见",
            "media": [photo],
            "contact": "10020000000",
            "anonymous": False,
        },
    )
    assert answer.status_code == 201, answer.get_json()
    return answer.get_json()


def test_the_receipt_names_number_promises_and_handler(report):
    assert len(report["number"].split()) == 3
    assert report["state"] == "dispatched"
    assert report["handler"] == "安居物业"
    assert report["due"]["accept"] < report["due"]["respond"] < report["due"]["resolve"]
    assert any("安居物业" in words for words in report["why"])


def test_the_whole_story(world, client_for, report):
    resident, repairer = client_for("resident"), client_for("repairer")
    work, own = f"/work/{report['id']}", f"/tickets/{report['id']}"

    def step(phone, path, body=None, *, minutes=10):
        step.at += timedelta(minutes=minutes)
        with clock.frozen(step.at):
            answer = phone.post(path, body)
        assert answer.status_code == 200, answer.get_json()
        return answer.get_json()

    step.at = clock.now()
    queue = repairer.get("/work", queue="team").get_json()["items"]
    assert [one["id"] for one in queue] == [report["id"]]
    assert step(repairer, work + "/accept")["state"] == "accepted"
    assert step(repairer, work + "/start", {"text": "到楼下了"})["state"] == "in_progress"
    photo = repairer.upload(media.jpeg()).get_json()["id"]
    done = {"text": "换了灯泡", "media": [photo]}
    assert step(repairer, work + "/resolve", done)["state"] == "resolved"
    redo = step(resident, own + "/rework", {"text": "晚上又不亮了"})
    assert redo["state"] == "in_progress"
    photo = repairer.upload(media.jpeg()).get_json()["id"]
    done = {"text": "换了整个灯座", "media": [photo]}
    assert step(repairer, work + "/resolve", done)["state"] == "resolved"
    verdict = {"solved": "yes", "satisfaction": "satisfied", "text": "亮了，谢谢"}
    closed = step(resident, own + "/rate", verdict)

    assert closed["state"] == "closed"
    assert closed["state_words"] == "已解决（您已确认）"
    assert [one["words"] for one in closed["timeline"]] == [
        "您提交了",
        "已派给安居物业",
        "已接单",
        "已联系或到场，开始办理",
        "已处理，请您确认",
        "没解决，重新办理",
        "已处理，请您确认",
        "您确认：已解决",
    ]
    assert [flaws for _, flaws in tickets.verify()] == [[]]


def test_others_see_nothing(report, client_for):
    for name in ("neighbour", "stranger", "rival", "committee_chair", "other_community"):
        phone = client_for(name)
        assert phone.get(f"/tickets/{report['id']}").status_code == 404, name
        assert phone.get(f"/work/{report['id']}").status_code == 404, name
        assert phone.post(f"/work/{report['id']}/accept").status_code == 404, name
        queues = ("team", "mine", "pool", "overdue", "to_dispatch", "all", "awaiting_review")
        for queue in queues:
            assert phone.get("/work", queue=queue).get_json()["items"] == [], (name, queue)
