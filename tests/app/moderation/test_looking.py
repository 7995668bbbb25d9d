"""From a step to its verdict, over real HTTP: asked, answered, lost, or left to a person."""

from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import select, update

from app.identity import service as identity
from app.kernel import clock
from app.kernel.actor import SYSTEM
from app.kernel.db import session
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from app.kernel.outbox.models import OutboxDelivery
from app.kernel.work import unit_of_work
from app.media import checks
from app.media import queries as media
from app.media import service as media_service
from app.moderation import queries, rules, service
from app.moderation.models import Check
from app.moderation.rules import Kind, Source, State, Suggest
from app.moderation.service import asking
from app.tickets import queries as tickets
from app.tickets import service as ticket_service
from app.tickets.service import Words
from app.wechat import events
from tests.make import tickets as make
from tests.make.bridge import bridge, drained
from workers import jobs


@pytest.fixture
def now(world):
    """The real time, which the other threads live in too."""
    with clock.frozen(datetime.now(UTC)) as moment:
        yield moment


@pytest.fixture
def wechat(now, bare_app, settings):
    with bridge(bare_app, settings) as opened:
        yield opened


def looks(ticket_id, **wanted):
    session.rollback()
    session.expire_all()
    query = select(Check).where(Check.ticket_id == ticket_id).order_by(Check.made_at, Check.id)
    found = session.scalars(query).all()
    return [one for one in found if all(getattr(one, k) == v for k, v in wanted.items())]


def look(ticket_id, kind=Kind.TEXT):
    (one,) = looks(ticket_id, kind=kind)
    return one


def state(ticket_id, kind=Kind.TEXT):
    return look(ticket_id, kind).state


def with_photo(world):
    return make.submitted(world, media=[make.photo(world, "resident")])


def dead():
    session.rollback()
    return session.scalars(select(OutboxDelivery).where(OutboxDelivery.dead_at.is_not(None))).all()


# words


@pytest.mark.parametrize(
    ("words", "state_then", "suggest", "label"),
    [
        ("楼道灯不亮了", State.PASSED, Suggest.PASS, 100),
        ("物业腐败", State.HELD, Suggest.REVIEW, 20001),
        ("有人赌博", State.HELD, Suggest.RISKY, 20006),
    ],
)
def test_the_words_of_a_report_get_their_verdict(world, wechat, words, state_then, suggest, label):
    ticket_id = make.submitted(world, text=words)
    before = tickets.get(ticket_id).state
    drained()

    one = look(ticket_id)
    assert (one.state, one.suggest, one.label, one.source) == (
        state_then,
        suggest,
        label,
        Source.WECHAT,
    )
    assert one.trace_id
    assert tickets.get(ticket_id).state is before
    assert tickets.get(ticket_id).text == words


def test_each_step_that_says_something_is_looked_at_once(world, wechat):
    ticket_id = make.submitted(world)
    with unit_of_work():
        ticket_service.supplement(world.actor("resident"), ticket_id, Words("还是黑"))
        ticket_service.join(world.actor("neighbour"), ticket_id)
    drained()
    drained(minutes=1)

    assert [(one.kind, one.state) for one in looks(ticket_id)] == [
        (Kind.TEXT, State.PASSED),
        (Kind.WORDS, State.PASSED),
    ]
    assert wechat.calls("wxa/msg_sec_check") == 2


def test_a_submit_waits_for_nobody_even_if_wechat_hangs(world, wechat, client_for):
    wechat.order("fail", path="wxa/msg_sec_check", kind="timeout", times=9, seconds=3)
    ticket_id = make.submitted(world)

    assert wechat.calls("wxa/msg_sec_check") == 0
    assert tickets.get(ticket_id).number
    drained()
    assert state(ticket_id) is State.WAITING


def test_a_busy_wechat_is_asked_again_and_then_a_person(world, wechat):
    wechat.order("fail", path="wxa/msg_sec_check", kind="-1", times=99)
    ticket_id = make.submitted(world)
    for minutes in (0, 1, 5, 15, 60):
        drained(minutes=minutes)

    assert wechat.calls("wxa/msg_sec_check") == rules.MOST_ASKS
    assert (state(ticket_id), look(ticket_id).why) == (State.HELD, "unanswered")
    assert dead() == []


def test_a_busy_wechat_that_comes_back_gives_the_verdict(world, wechat):
    wechat.order("fail", path="wxa/msg_sec_check", kind="-1", times=2)
    ticket_id = make.submitted(world)
    for minutes in (0, 1, 5):
        drained(minutes=minutes)

    assert state(ticket_id) is State.PASSED


def test_a_used_up_quota_puts_the_question_off_and_asks_nobody(world, wechat):
    wechat.order("fail", path="wxa/msg_sec_check", kind="45009", times=1)
    ids = [make.submitted(world) for _ in range(3)]
    drained()
    drained(minutes=5)

    assert wechat.calls("wxa/msg_sec_check") == 1
    assert {state(one) for one in ids} == {State.WAITING}
    midnight = look(ids[0]).due_at.astimezone(clock.SHANGHAI)
    assert (midnight.hour, midnight.minute) == (0, 0)


def test_somebody_away_for_two_hours_is_left_to_a_person(world, wechat):
    wechat.state.last_seen["dev-resident"] = wechat.state.now() - 2 * 3600 - 1
    ticket_id = make.submitted(world)
    drained()

    assert (state(ticket_id), look(ticket_id).why) == (State.HELD, "inactive")
    assert tickets.get(ticket_id).text


def test_what_is_older_than_two_hours_is_not_even_asked(world, wechat):
    ticket_id = make.submitted(world)
    drained(hours=2, minutes=1)

    assert wechat.calls("wxa/msg_sec_check") == 0
    assert (state(ticket_id), look(ticket_id).why) == (State.HELD, "inactive")


@pytest.mark.parametrize(
    ("words", "suggest"), [("灯不亮", Suggest.UNKNOWN), ("加 微 信 领钱", Suggest.RISKY)]
)
def test_who_has_no_openid_is_judged_by_our_words_and_a_person(world, wechat, words, suggest):
    with unit_of_work():
        from_nowhere(world, "resident")
    ticket_id = make.submitted(world, text=words)
    drained()

    one = look(ticket_id)
    assert (one.state, one.suggest, one.source) == (State.HELD, suggest, Source.WORDS)
    assert one.edition
    assert wechat.calls("wxa/msg_sec_check") == 0


def from_nowhere(world, name):
    """Let WeChat know nothing of a person any more."""
    index = events.openid_index(f"dev-{name}")
    identity.unlink_wechat(SYSTEM, index, clock.now() + timedelta(seconds=1))


def test_staff_without_wechat_pass_by_our_own_words(world, wechat):
    with unit_of_work():
        from_nowhere(world, "repairer")
    ticket_id = make.accepted(world, make.submitted(world))
    with unit_of_work():
        ticket_service.start(world.actor("repairer"), ticket_id, Words("到了"))
    drained()

    assert looks(ticket_id, kind=Kind.WORDS)[0].state is State.PASSED


# photos and voice


@pytest.mark.parametrize(
    ("suggest", "then"),
    [("pass", State.PASSED), ("review", State.HELD), ("risky", State.HELD)],
)
def test_a_photo_is_fetched_by_its_link_and_the_verdict_pushed(world, wechat, suggest, then):
    wechat.order("media", suggest=suggest)
    ticket_id = with_photo(world)
    drained()
    assert wechat.wait(lambda: any(one["answer"] == "success" for one in wechat.told))
    drained(minutes=1)

    one = look(ticket_id, Kind.PHOTO)
    assert (one.state, one.suggest) == (then, Suggest(suggest))
    assert queries.is_publishable(one.target_id) is (then is State.PASSED)
    assert media.live(one.target_id) is not None
    assert tickets.get(ticket_id).closed_at is None


def test_a_photo_wechat_cannot_fetch_waits_for_a_person(world, wechat):
    service.install(wechat.url + "nowhere/")
    ticket_id = with_photo(world)
    drained()
    assert wechat.wait(lambda: any(one["answer"] == "success" for one in wechat.told))
    drained(minutes=1)

    assert (state(ticket_id, Kind.PHOTO), look(ticket_id, Kind.PHOTO).why) == (State.HELD, "unseen")


@pytest.fixture
def losing(wechat):
    wechat.fake.extensions["callbacks"].url = "http://127.0.0.1:9/"
    return wechat


def timetable(**later):
    with clock.frozen(clock.now() + timedelta(**later)):
        jobs.ask_again(clock.now())
    drained(**later)


def test_a_lost_verdict_is_asked_for_again_within_half_an_hour(world, losing):
    ticket_id = with_photo(world)
    drained()
    asked = losing.calls("wxa/media_check_async")
    timetable(minutes=15)
    assert losing.calls("wxa/media_check_async") == asked == 1
    timetable(minutes=25)

    assert losing.calls("wxa/media_check_async") == 2
    assert state(ticket_id, Kind.PHOTO) is State.ASKED


def test_a_verdict_lost_again_and_again_ends_with_a_person(world, losing):
    ticket_id = with_photo(world)
    drained()
    for turn in range(1, 8):
        timetable(minutes=25 * turn)

    assert losing.calls("wxa/media_check_async") <= rules.MOST_ASKS
    assert state(ticket_id, Kind.PHOTO) is State.HELD


def test_control_without_the_timetable_a_lost_verdict_stays_lost(world, losing):
    ticket_id = with_photo(world)
    for turn in range(4):
        drained(minutes=25 * turn)

    assert losing.calls("wxa/media_check_async") == 1
    assert state(ticket_id, Kind.PHOTO) is State.ASKED


def test_a_verdict_that_comes_before_we_wrote_its_name_is_asked_again(world, wechat):
    ticket_id = with_photo(world)
    with unit_of_work():
        service.look_at_step(ticket_id, tickets.steps_of(ticket_id)[0].id)
    session.execute(update(Check).values(state=State.ASKED, trace_id=None))
    session.commit()
    told = events.WechatMediaChecked("trace-1", "pass", 100, failed=False)

    with unit_of_work(), pytest.raises(service.TooEarly):
        service.on_media_checked(told)


def test_a_verdict_of_nothing_is_left_alone(world, wechat):
    told = events.WechatMediaChecked("trace-of-nobody", "pass", 100, failed=False)

    with unit_of_work():
        service.on_media_checked(told)


def test_a_link_for_wechat_opens_one_file_for_a_while(world, wechat):
    photo = media.live(make.photo(world, "resident"))
    token = checks.link(photo)
    own = media_service.link(photo, "large", world.people["resident"])

    assert checks.open_link(token).content_type == "image/jpeg"
    assert requests.get(f"{wechat.url}mp/v1/media_check/{token}", timeout=5).status_code == 200
    for wrong in (token[:-2], own, "x"):
        with pytest.raises(NotFound):
            checks.open_link(wrong)
    with pytest.raises(NotFound):
        media_service.open_link(token)
    with unit_of_work():
        media_service.delete([photo.id])
    with pytest.raises(NotFound):
        checks.open_link(token)


def test_the_link_holds_longer_than_wechat_takes_and_not_for_ever():
    assert 3600 <= checks.GOOD_FOR_S <= 7200


# a person decides


def held(world, words="有人赌博"):
    ticket_id = make.submitted(world, text=words)
    drained()
    return look(ticket_id)


def decide(world, check_id, by="community", publish=True, why="看过了"):
    with unit_of_work():
        return service.decide(world.actor(by), check_id, publish=publish, why=why)


def test_the_desk_lets_through_or_hides_and_may_change_its_mind(world, wechat):
    one = held(world)
    assert not queries.is_publishable(one.target_id)

    decide(world, one.id)
    assert queries.is_publishable(one.target_id)
    with pytest.raises(Conflict):
        decide(world, one.id)
    decide(world, one.id, publish=False)

    assert not queries.is_publishable(one.target_id)
    assert tickets.get(one.ticket_id).text == "有人赌博"


def test_a_decision_is_not_undone_by_a_late_verdict(world, wechat):
    one = held(world)
    decide(world, one.id, publish=False)
    told = events.WechatMediaChecked(one.trace_id, "pass", 100, failed=False)
    with unit_of_work():
        service.on_media_checked(told)

    assert look(one.ticket_id).state is State.HIDDEN


@pytest.mark.parametrize("name", ["neighbour", "repairer", "other_community", "rival", "resident"])
def test_nobody_else_decides(world, wechat, name):
    one = held(world)

    with pytest.raises(NotFound):
        decide(world, one.id, by=name)


def test_the_accused_neither_sees_nor_decides(world, wechat):
    ticket_id = make.submitted(world, make.STAFF, text="有人赌博")
    drained()
    one = look(ticket_id)

    assert [each.check.id for each in queries.queue(world.actor("community")).items] == []
    with pytest.raises(NotFound):
        decide(world, one.id, by="community")
    assert [each.check.id for each in queries.queue(world.actor("street")).items] == [one.id]
    decide(world, one.id, by="street")


def test_nobody_decides_about_their_own_words(world, wechat):
    ticket_id = make.submitted(world, make.UNSURE)
    with unit_of_work():
        ticket_service.progress(world.actor("community"), ticket_id, Words("有人赌博"), public=True)
    drained()
    (one,) = looks(ticket_id, kind=Kind.WORDS)

    with pytest.raises(Forbidden):
        decide(world, one.id)
    decide(world, one.id, by="street")


def test_a_decision_needs_a_reason(world, wechat):
    one = held(world)

    with pytest.raises(Invalid):
        decide(world, one.id, why="  ")


def test_the_queue_pages_from_the_oldest_and_holds_only_what_waits(world, wechat):
    first = held(world).id
    second = held(world, "有人诈骗").id
    make.submitted(world)
    drained()

    page = queries.queue(world.actor("community"), limit=1)
    rest = queries.queue(world.actor("community"), limit=9, cursor=page.next_cursor)

    assert [one.check.id for one in page.items] == [first]
    assert [one.check.id for one in rest.items] == [second]
    assert page.items[0].words == "有人赌博"
    assert queries.queue(world.actor("other_community")).items == []


# what neighbours read


def test_a_neighbour_reads_what_was_let_through_and_nothing_before(world, wechat, client_for):
    ticket_id = make.started(world, make.submitted(world))
    with unit_of_work():
        ticket_service.join(world.actor("neighbour"), ticket_id)
    phone = client_for("neighbour")

    def said():
        story = phone.get(f"/tickets/{ticket_id}").get_json()["timeline"]
        return [one["text"] for one in story if one["text"]]

    assert said() == []
    drained()
    assert said() == ["到了"]
    (one,) = looks(ticket_id, kind=Kind.WORDS)
    decide(world, one.id, publish=False)
    assert said() == []


def test_control_a_gate_that_lets_all_through_is_seen(world, wechat, client_for, monkeypatch):
    monkeypatch.setattr(queries, "publishable", frozenset)
    ticket_id = make.started(world, make.submitted(world))
    with unit_of_work():
        ticket_service.join(world.actor("neighbour"), ticket_id)

    story = client_for("neighbour").get(f"/tickets/{ticket_id}").get_json()["timeline"]

    assert "到了" in [one["text"] for one in story]


def test_the_reporter_reads_on_whatever_the_verdict(world, wechat, client_for):
    ticket_id = make.submitted(world, text="有人赌博")
    drained()

    assert client_for("resident").get(f"/tickets/{ticket_id}").get_json()["text"] == "有人赌博"


# the desk's pages


def test_the_desk_reads_and_decides_over_http(world, wechat, client_for):
    one = held(world)
    phone = client_for("community")

    (shown,) = phone.get("/work/moderation").get_json()["items"]
    assert (shown["id"], shown["text"], shown["suggest"]) == (str(one.id), "有人赌博", "risky")
    answer = phone.post(f"/work/moderation/{one.id}", {"publish": False, "why": "不宜公开"})

    assert answer.get_json()["state"] == "hidden"
    assert phone.get("/work/moderation").get_json()["items"] == []


def test_a_past_that_is_told_passes_what_staff_wrote_and_no_more(world, wechat):
    ticket_id = make.started(world, make.submitted(world))
    with unit_of_work():
        assert service.let_through(SYSTEM, ticket_id) > 0
    with pytest.raises(Forbidden), unit_of_work():
        service.let_through(world.actor("admin"), ticket_id)

    assert looks(ticket_id, kind=Kind.TEXT) == []
    assert {one.state for one in looks(ticket_id)} == {State.PASSED}
    assert asking.word_list().version
