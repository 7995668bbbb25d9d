"""Ask WeChat: take the look (one unit), ask with no transaction open, write down (another).

Nothing here can fail a report: whatever cannot be asked, or is not answered, ends with a
person who must look.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

import structlog

from app.kernel import clock, outbox
from app.kernel.work import unit_of_work
from app.media import checks
from app.moderation import queries, rules
from app.moderation.events import CheckDue
from app.moderation.models import Check
from app.moderation.rules import Kind, Source, State, Suggest, WordList
from app.tickets import history
from app.tickets.states import Relation
from app.wechat import errors, gateway

TIMEOUT_S = 60
MEND_WITHIN = timedelta(minutes=10)
OF_RESIDENTS = frozenset(
    {
        Relation.REPORTER.value,
        Relation.FILER.value,
        Relation.SLIP_HOLDER.value,
        Relation.FOLLOWER.value,
        Relation.NEIGHBOUR.value,
    }
)
_log = structlog.get_logger("sandan.moderation")
_address: list[str] = []


def install(address: str) -> None:
    """Say under which public address WeChat fetches what it is to look at; empty is nowhere."""
    _address[:] = [address] if address else []


@cache
def word_list() -> WordList:
    """Read our own words."""
    return rules.read_words(rules.WORDS_FILE.read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: words, or a file by its address."""

    check_id: UUID
    kind: Kind
    openid: str = field(repr=False)
    text: str = field(default="", repr=False)
    url: str = field(default="", repr=False)


def ask(event: CheckDue) -> None:
    """Ask about one thing, if it is still to be asked and WeChat may be asked."""
    question = _take(event.check_id)
    if question is None:
        return
    try:
        if question.text:
            suggest, label, trace_id = _judge_text(question)
        else:
            kind = "image" if question.kind is Kind.PHOTO else "audio"
            trace_id = gateway.check_media(question.openid, question.url, kind)  # type: ignore[arg-type]
            suggest, label = None, 0
    except errors.WechatFault as fault:
        _note_fault(question, fault)
        return
    with unit_of_work():
        row = queries.held(question.check_id)
        if row.state is not State.ASKED:
            return
        row.trace_id = trace_id
        if suggest is not None:
            conclude(row, suggest, label, Source.WECHAT)


def _judge_text(question: Question) -> tuple[Suggest, int, str]:
    """Ask about each part of a text; the worst verdict is that of the whole."""
    scene = rules.FORUM if question.kind is Kind.TEXT else rules.COMMENT
    said = [
        gateway.check_text(question.openid, part, scene) for part in rules.chunks(question.text)
    ]
    suggest, label = rules.worst((rules.suggested(one.suggest), one.label) for one in said)
    return suggest, label, said[-1].trace_id


def _take(check_id: UUID) -> Question | None:
    """Take a look for asking; what needs no asking is settled here."""
    with unit_of_work():
        row = queries.held(check_id)
        now = clock.now()
        if row.state is not State.WAITING or row.due_at > now:
            return None
        step = queries.step_of(row.step_id)
        words = history.words_of(step) if row.kind in (Kind.TEXT, Kind.WORDS) else ""
        url = "" if words else _url_of(row)
        openid = queries.openid_of(step.person_id)
        if not words and queries.media_of(row.target_id) is None:
            _hold(row, "gone")
        elif not openid:
            by_own_words(row, words, is_staff=step.relation not in OF_RESIDENTS)
        elif not rules.may_ask(row.made_at, now):
            _held_back(row, words, "inactive")
        elif not words and not url:
            _hold(row, "no_address")
        else:
            row.state, row.asks, row.asked_at, row.trace_id = State.ASKED, row.asks + 1, now, None
            row.due_at = now + (rules.ANSWER_LOST_AFTER if words else rules.MEDIA_LOST_AFTER)
            return Question(row.id, row.kind, openid, words, url)
    return None


def _url_of(row: Check) -> str:
    media = queries.media_of(row.target_id)
    if media is None or not _address:
        return ""
    return _address[0] + checks.link(media)


def by_own_words(row: Check, words: str, *, is_staff: bool) -> None:
    """Go by our own list where there is no openid to ask with."""
    flagged = rules.has_listed(words, word_list().words)
    row.state, row.suggest = rules.without_openid(row.kind, flagged=flagged, is_staff=is_staff)
    row.source, row.edition = Source.WORDS, word_list().version
    row.why = None if row.state is State.PASSED else "no_openid"


def _held_back(row: Check, words: str, why: str) -> None:
    """Leave it to a person, and tell what our own list thinks."""
    row.edition = word_list().version
    row.source = Source.WORDS
    if rules.has_listed(words, word_list().words):
        row.suggest = Suggest.RISKY
    _hold(row, why)


def _hold(row: Check, why: str) -> None:
    row.state, row.why = State.HELD, why


def conclude(row: Check, suggest: Suggest, label: int, source: Source) -> None:
    """Write a verdict down; what did not pass waits for a person."""
    row.suggest, row.label, row.source = suggest, label, source
    row.state = rules.state_of(suggest)
    row.why = None if row.state is State.PASSED else suggest.value


def _note_fault(question: Question, fault: errors.WechatFault) -> None:
    with unit_of_work():
        row = queries.held(question.check_id)
        if row.state is not State.ASKED:
            return
        now = clock.now()
        if isinstance(fault, errors.QuotaReached):
            _put_off(row, fault.until)
        elif isinstance(fault, errors.TokenRefused | errors.Misconfigured):
            _put_off(row, now + MEND_WITHIN)
        elif isinstance(fault, errors.Busy) and row.asks < rules.MOST_ASKS:
            _ask_at(row, now + rules.wait(row.asks))
        elif isinstance(fault, errors.UserInactive | errors.UnknownOpenid | errors.NotSetUp):
            _held_back(row, question.text, "inactive")
        else:
            _log.error("content_check_failed", fault=type(fault).__name__, errcode=fault.errcode)
            _held_back(row, question.text, "unanswered")


def _put_off(row: Check, until: datetime) -> None:
    """Ask when it is possible again; that was nobody's try."""
    row.asks -= 1
    _ask_at(row, until)


def _ask_at(row: Check, at: datetime) -> None:
    row.state, row.due_at = State.WAITING, at
    outbox.record(CheckDue(check_id=row.id), due=at)


def owe_again(check_id: UUID, now: datetime) -> None:
    """Ask again what nobody answered, a few times; then a person looks. In the caller's unit."""
    row = queries.held(check_id)
    if row.state not in rules.OPEN or row.due_at > now:
        return
    if row.asks >= rules.MOST_ASKS:
        _hold(row, "lost")
        return
    _ask_at(row, now)
