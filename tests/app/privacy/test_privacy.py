"""People are told, asked, given a copy, and forgotten when they want to be."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import text

from app.identity import queries as identity
from app.identity import service as identity_service
from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, RuleBroken
from app.kernel.work import unit_of_work
from app.media import queries as media
from app.notifications import queries as news_queries
from app.notifications.rules.ways import Way
from app.privacy import queries, service
from app.ratings import queries as ratings
from app.ratings import service as rating_service
from app.tickets import history
from app.tickets import queries as tickets
from app.tickets.service import Words
from app.tickets.states import CloseReason
from tests.make import news
from tests.make import tickets as make


def publish(words="第一版", actor=SYSTEM):
    with unit_of_work():
        return service.publish(actor, words)


def answer(actor, version, agreed=True):
    with unit_of_work():
        return service.answer(actor, version, agreed=agreed, device="d-1")


def closed(world, **changes):
    """A report with a photo, resolved and confirmed by the resident in words."""
    words = [make.photo(world, "resident")]
    ticket_id = make.resolved(world, make.submitted(world, media=words, **changes))
    with unit_of_work():
        rating_service.rate(
            world.actor("resident"), ticket_id, "yes", "satisfied", Words("谢谢孟师傅")
        )
    return ticket_id


def forget(world, name="resident"):
    with unit_of_work():
        service.forget(world.actor(name))


# notices and consents


def test_the_notice_in_force_is_the_newest(app):
    publish("第一版")
    publish("第二版")

    assert (queries.notice().version, queries.notice().text) == (2, "第二版")


def test_the_same_words_make_no_new_version(app):
    publish("第一版")

    assert publish(" 第一版\n").version == 1


def test_without_a_notice_it_is_said_so(app):
    with pytest.raises(NotFound) as refusal:
        queries.notice()

    assert refusal.value.code == "no_notice"


def test_only_an_administrator_publishes(world):
    with pytest.raises(Forbidden):
        publish(actor=world.actor("street"))
    assert publish(actor=world.actor("admin")).published_by_id == world.people["admin"]


@pytest.mark.parametrize("words", ["", "  ", "一" * 20_001])
def test_a_notice_has_words_and_an_end(app, words):
    with pytest.raises(Invalid):
        publish(words)


def test_each_answer_is_kept_the_refusal_too(world):
    publish()
    resident = world.actor("resident")
    answer(resident, 1)
    with clock.frozen(clock.now() + timedelta(days=1)):
        answer(resident, 1, agreed=False)

    kept = queries.consents_of(resident.person_id)
    assert [(one.version, one.agreed) for one in kept] == [(1, False), (1, True)]
    assert queries.consents_of(world.people["neighbour"]) == []


def test_an_old_version_is_not_agreed_to(world):
    publish("第一版")
    publish("第二版")

    with pytest.raises(Conflict) as refusal:
        answer(world.actor("resident"), 1)

    assert refusal.value.code == "newer_notice"


# the copy


def test_the_copy_holds_what_is_kept_about_oneself_and_nobody_else(world):
    closed(world)
    make.submitted(world, by="neighbour", text="邻居自己的话", contact_phone="10020009999")
    news.drained()
    with unit_of_work():
        copy = service.hand_out(world.actor("resident"))

    said = json.dumps({**copy, "made_at": ""}, ensure_ascii=False)
    assert "周桂芳" in said
    assert "住301的老人看不见路" in said
    assert "谢谢孟师傅" in said
    assert len(copy["media"]) == 1
    assert "已收到您的诉求" in [one["title"] for one in copy["news"]["messages"]]
    assert "邻居自己的话" not in said
    assert "10020009999" not in said


# forgetting


def test_who_is_forgotten_is_nowhere_by_name_phone_or_word(world):
    ticket_id = closed(world)

    forget(world)

    person = identity.people([world.people["resident"]])[world.people["resident"]]
    assert (person.name, person.phone, person.is_active) == ("", "", False)
    ticket = tickets.get(ticket_id)
    assert (ticket.text, ticket.contact_name, ticket.contact_phone) == (None, None, None)
    assert ticket.place_label == ticket.public_label
    assert ratings.of_ticket(ticket_id)[0].words is None
    assert media.sent_by(world.people["resident"]) == []
    assert identity.homes(world.people["resident"]) == []
    openids = session.execute(
        text("SELECT count(*) FROM wechat_identity WHERE person_id = :p"),
        {"p": world.people["resident"].hex if _sqlite() else world.people["resident"]},
    )
    assert openids.scalar() == 0


def _sqlite():
    return session.get_bind().dialect.name == "sqlite"


def test_what_was_told_is_forgotten_and_what_was_to_be_sent_goes_nowhere(world):
    with news.outfit(Way.WECHAT) as posts:
        news.template("closed", "resident", "T1")
        news.allow(world, "resident", "T1")
        closed(world)
        forget(world)
        news.drained()

        told = news_queries.personal(Actor(person_id=world.people["resident"]))
        assert (told["messages"], told["grants"], told["wishes"]) == ([], [], None)
        assert posts[Way.WECHAT].carried == []


def test_what_happened_stays_counted_and_its_chain_holds(world):
    ticket_id = closed(world)

    forget(world)

    ticket = tickets.get(ticket_id)
    assert ticket.close_reason is CloseReason.SOLVED
    assert ratings.of_ticket(ticket_id)[0].satisfaction == "satisfied"
    assert make.sound(ticket_id)


def test_words_of_others_about_the_matter_stay(world):
    ticket_id = closed(world)

    forget(world)

    said = [history.words_of(step) for step in tickets.steps_of(ticket_id)]
    assert "换了灯泡" in said
    assert not any("老人" in words for words in said)


def test_an_open_matter_comes_first(world):
    make.submitted(world)

    with pytest.raises(RuleBroken) as refusal:
        forget(world)

    assert refusal.value.code == "still_open"


def test_staff_leave_their_post_first(world):
    with pytest.raises(RuleBroken) as refusal:
        forget(world, "repairer")

    assert refusal.value.code == "still_staff"


def test_who_is_forgotten_comes_back_as_somebody_new_only(world):
    forget(world, "stranger")

    assert identity.actor_of(world.people["stranger"]) is None
    with pytest.raises(Conflict) as refusal, unit_of_work():
        identity_service.reactivate(SYSTEM, world.people["stranger"])
    assert refusal.value.code == "account_erased"


def test_invites_and_log_in_names_go_too(world):
    person_id = world.people["stranger"]
    identity_service.set_password(SYSTEM, person_id, "liang.xm", "kind-lamp-27")

    forget(world, "stranger")

    left = "SELECT count(*) FROM password_login WHERE login_name = 'liang.xm'"
    assert session.scalar(text(left)) == 0


def test_the_same_answer_twice_is_one(world):
    publish()
    first = answer(world.actor("resident"), 1)

    assert answer(world.actor("resident"), 1).id == first.id


def test_nobody_else_is_touched(world):
    other = make.submitted(world, by="neighbour", text="邻居自己的话")

    forget(world, "stranger")

    assert tickets.get(other).text == "邻居自己的话"
    assert identity.people([world.people["neighbour"]])[world.people["neighbour"]].name == "许连生"
