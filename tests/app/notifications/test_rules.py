"""Quiet hours, ways, fields and outcomes: pure rules, held for every input."""

import string
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.kernel.clock import SHANGHAI
from app.notifications.rules import rendering, settling, ways, wording
from app.notifications.rules.settling import Attempt, Outcome, Result, State
from app.notifications.rules.telling import STATE_WORDS, TOLD, Audience
from app.notifications.rules.ways import Quiet, Way
from app.tickets.states import Action
from app.tickets.states import State as TicketState

NOW = datetime(2026, 11, 16, 2, tzinfo=UTC)
_NAIVE = NOW.replace(tzinfo=None)
MOMENTS = st.datetimes(
    _NAIVE - timedelta(days=700), _NAIVE + timedelta(days=700), timezones=st.just(UTC)
)
MINUTES = st.times().map(lambda one: one.replace(second=0, microsecond=0))
QUIETS = st.builds(Quiet, MINUTES, MINUTES)
LUCK = st.floats(0, 1, exclude_max=True)


def shanghai(hour, minute=0, day=16):
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)


# --- quiet hours


@given(at=MOMENTS, quiet=QUIETS)
def test_nothing_goes_out_in_quiet_hours(at, quiet):
    told = ways.tell_at(at, quiet, urgent=False)

    assert at <= told < at + timedelta(days=1)
    assert not quiet.holds(told)
    if told != at:
        assert told.astimezone(SHANGHAI).timetz().replace(tzinfo=None) == quiet.end


@given(at=MOMENTS, quiet=QUIETS)
def test_what_is_urgent_waits_for_no_hour(at, quiet):
    assert ways.tell_at(at, quiet, urgent=True) == at


@given(at=MOMENTS, hour=MINUTES)
def test_the_same_hour_twice_is_no_quiet(at, hour):
    assert ways.tell_at(at, Quiet(hour, hour), urgent=False) == at


@pytest.mark.parametrize(
    ("at", "told"),
    [
        (shanghai(21, 59), shanghai(21, 59)),
        (shanghai(22), shanghai(7, day=17)),
        (shanghai(3), shanghai(7)),
        (shanghai(7), shanghai(7)),
    ],
)
def test_usual_quiet_hours_end_at_seven(at, told):
    assert ways.tell_at(at, ways.USUAL_QUIET, urgent=False) == told


def test_quiet_hours_may_lie_within_a_day():
    assert ways.tell_at(shanghai(13), Quiet(time(12), time(14)), urgent=False) == shanghai(14)


# --- ways

ALL = frozenset({Way.WECHAT, Way.WECOM, Way.SMS})


@given(
    wished=st.lists(st.sampled_from(sorted(ALL)), unique=True),
    reachable=st.frozensets(st.sampled_from(sorted(ALL))),
    urgent=st.booleans(),
    at_once=st.booleans(),
)
def test_every_way_is_reachable_and_taken_once(wished, reachable, urgent, at_once):
    laid = ways.chains(wished, reachable, urgent=urgent, at_once=at_once)
    named = [way for chain in laid for way in chain]

    assert len(named) == len(set(named))
    assert set(named) <= reachable
    assert all(laid)
    if urgent and Way.SMS in reachable:
        assert Way.SMS in named


def test_texts_are_for_what_is_urgent_or_for_who_wants_them():
    assert ways.chains((), ALL, urgent=False, at_once=False) == ((Way.WECHAT, Way.WECOM),)
    assert ways.chains((), ALL, urgent=True, at_once=False) == ((Way.WECHAT, Way.WECOM, Way.SMS),)
    assert ways.chains((Way.SMS,), ALL, urgent=False, at_once=False) == ((Way.SMS,),)


def test_a_duty_call_sends_a_text_beside_the_rest():
    laid = ways.chains((Way.WECHAT,), ALL, urgent=True, at_once=True)

    assert laid == ((Way.WECHAT,), (Way.SMS,))


# --- fields

KINDS = (
    "thing",
    "number",
    "letter",
    "symbol",
    "character_string",
    "phone_number",
    "car_number",
    "name",
    "phrase",
    "amount",
)
MOST = {"thing": 20, "phrase": 5, "character_string": 32, "name": 10, "symbol": 5}


@given(kind=st.sampled_from(KINDS), words=st.text(max_size=200))
def test_every_field_is_filled_and_fits(kind, words):
    made = rendering.fit(f"{kind}1", words)

    assert made
    assert len(made) <= len(made.encode("utf-16-le", "surrogatepass")) // 2 <= MOST.get(kind, 32)
    assert "\n" not in made
    if kind == "character_string":
        assert made.isascii()
    if kind == "phrase":
        assert all("\u4e00" <= sign <= "\u9fff" for sign in made)


@given(words=st.text(alphabet=string.ascii_letters, min_size=1, max_size=20))
def test_what_fits_is_left_alone(words):
    assert rendering.fit("thing1", words) == words


def test_what_is_too_long_says_that_more_was_there():
    assert rendering.fit("thing2", "楼" * 30) == "楼" * 19 + "…"


def test_an_emoji_counts_twice_and_is_never_split():
    assert rendering.fit("thing3", "😀" * 11) == "😀" * 9 + "…"


def test_an_unknown_field_is_refused():
    with pytest.raises(ValueError, match="no field"):
        rendering.fit("thing", "x")


def test_a_time_reads_as_wechat_takes_it():
    assert rendering.fit("time1", rendering.moment(NOW)) == "2026年11月16日 10:00"


def test_the_words_for_states_fit_a_phrase():
    assert set(STATE_WORDS) == set(TicketState)
    assert all(rendering.fit("phrase1", words) == words for words in STATE_WORDS.values())


# --- words


def test_there_are_words_for_everything_that_is_told():
    told = {(one.kind, one.audience) for row in TOLD.values() for one in row}

    assert told <= set(wording.KINDS)
    assert set(TOLD) <= set(Action)


def test_no_shipped_words_ask_for_what_nobody_fills():
    assert [one for one in wording.SHIPPED if rendering.unknown(one.title + one.text)] == []


def test_the_accused_is_told_nothing_of_what_it_is_about():
    (said,) = (one for one in wording.SHIPPED if one.audience == Audience.ACCUSED)

    assert "{" not in said.title + said.text


# --- outcomes

OUTCOMES = st.builds(
    Outcome,
    st.sampled_from(Result),
    maybe_sent=st.booleans(),
    no_grant=st.booleans(),
    until=st.none() | st.datetimes(_NAIVE, timezones=st.just(UTC)),
)
ATTEMPTS = st.builds(
    Attempt,
    attempts=st.integers(1, 20),
    created_at=st.just(NOW),
    urgent=st.booleans(),
    repeated=st.booleans(),
    has_next=st.booleans(),
)
ENDS = {State.SENT, State.REFUSED, State.FELL_BACK, State.DEAD}


@given(attempt=ATTEMPTS, outcome=OUTCOMES, luck=LUCK)
def test_every_attempt_ends_or_has_a_time(attempt, outcome, luck):
    verdict = settling.judge(attempt, outcome, NOW, luck)

    if verdict.due_at is None:
        assert verdict.state in ENDS
    else:
        assert verdict.state is State.WAITING
        assert NOW < verdict.due_at <= NOW + settling.STALE
    assert verdict.fall_back == (verdict.state is State.FELL_BACK)
    assert not verdict.fall_back or attempt.has_next


@given(attempt=ATTEMPTS, outcome=OUTCOMES, luck=LUCK)
def test_what_was_repeated_and_may_have_arrived_is_not_tried_again(attempt, outcome, luck):
    verdict = settling.judge(attempt, outcome, NOW, luck)

    if attempt.repeated and outcome.maybe_sent:
        assert verdict.due_at is None
    if outcome.maybe_sent and outcome.result in (Result.AGAIN, Result.LATER):
        assert not verdict.refund


@given(outcome=OUTCOMES, luck=LUCK, urgent=st.booleans(), has_next=st.booleans())
def test_the_same_failure_does_not_go_on_for_ever(outcome, luck, urgent, has_next):
    now, tries = NOW, 0
    while True:
        tries += 1
        attempt = Attempt(
            attempts=tries, created_at=NOW, urgent=urgent, repeated=False, has_next=has_next
        )
        verdict = settling.judge(attempt, outcome, now, luck)
        if verdict.due_at is None:
            break
        now = verdict.due_at

    assert tries <= 100
    assert now <= NOW + settling.STALE


def test_quota_puts_off_to_its_end_and_costs_no_attempt():
    until = NOW + timedelta(hours=14)
    attempt = Attempt(attempts=6, created_at=NOW, urgent=False, repeated=False, has_next=True)

    verdict = settling.judge(attempt, Outcome(Result.LATER, until=until), NOW, 0.5)

    assert verdict.due_at == until
    assert verdict.refund


def test_urgent_news_does_not_wait_for_a_quota():
    attempt = Attempt(attempts=1, created_at=NOW, urgent=True, repeated=False, has_next=True)
    outcome = Outcome(Result.LATER, until=NOW + timedelta(hours=14))

    assert settling.judge(attempt, outcome, NOW, 0.5).fall_back


@given(attempts=st.integers(1, 100), luck=LUCK)
def test_waits_grow_and_are_bounded(attempts, luck):
    assert timedelta(seconds=15) <= settling.wait(attempts, luck) <= timedelta(hours=1)
