"""What people choose, what they have read, and what an installation says."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import update

from app.kernel import audit, clock, stamps
from app.kernel.actor import Actor, Permission
from app.kernel.db import session
from app.kernel.errors import Forbidden, Invalid, Unauthenticated
from app.notifications import queries
from app.notifications.models import Message, MessageTemplate, Preference
from app.notifications.queries.templates import STAMP
from app.notifications.rules import rendering
from app.notifications.rules.ways import Quiet, Way, Wish
from app.notifications.rules.wording import ANY, KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDraft:
    """What shall be said from ``valid_from`` on (default: now)."""

    kind: str
    audience: str
    channel: str
    title: str
    text: str
    page: str = ""
    template_id: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    long_term: bool = False
    valid_from: datetime | None = None


def read(actor: Actor, message_ids: Sequence[UUID]) -> int:
    """Note that a person has read some of their own news; count what was new."""
    done = session.scalars(
        update(Message)
        .where(
            Message.id.in_(message_ids),
            Message.person_id == _own(actor),
            Message.channel == Way.INBOX,
            Message.read_at.is_(None),
        )
        .values(read_at=clock.now())
        .returning(Message.id),
        execution_options={"synchronize_session": False},
    )
    return len(done.all())


def set_preferences(
    actor: Actor, ways: Sequence[str], quiet_from: str, quiet_to: str, *, digest: bool
) -> Wish:
    """Keep how a person wants to be told; no ways means the usual ones.

    Raises:
        Invalid: a way or a time of day is none (code ``bad_way``, ``bad_time``).

    """
    known = [one.value for one in Way if one is not Way.INBOX]
    if len(set(ways)) != len(ways) or not set(ways) <= set(known):
        raise Invalid("通知方式不对，请重新选择。", code="bad_way")
    try:
        Quiet.parse(quiet_from, quiet_to)
    except ValueError as error:
        raise Invalid("免打扰时间不对，例如 22:00。", code="bad_time") from error
    person_id = _own(actor)
    row = session.get(Preference, person_id) or Preference(person_id=person_id)
    row.ways, row.digest = list(ways), digest
    row.quiet_from, row.quiet_to, row.updated_at = quiet_from, quiet_to, clock.now()
    session.add(row)
    session.flush()
    return queries.wish_of(person_id)


def set_template(actor: Actor, draft: TemplateDraft) -> MessageTemplate:
    """Say something else from a day on; what was said before stays readable.

    Raises:
        Forbidden: the actor does not run this installation (code ``not_your_words``).
        Invalid: no such news (``unknown_news``), a placeholder or field that cannot be
            filled (``bad_placeholder``, ``bad_field``), or WeChat without its template
            (``no_template``).

    """
    require_editor(actor)
    _check(draft)
    row = MessageTemplate(
        kind=draft.kind,
        audience=draft.audience,
        channel=draft.channel,
        title=draft.title,
        text=draft.text,
        page=draft.page,
        template_id=draft.template_id,
        fields=dict(draft.fields),
        long_term=draft.long_term,
        valid_from=draft.valid_from or clock.now(),
        person_id=actor.person_id,
    )
    session.add(row)
    session.flush()
    audit.record(
        actor,
        "message.template_set",
        "message_template",
        row.id,
        kind=row.kind,
        audience=row.audience,
        channel=row.channel,
    )
    stamps.bump(STAMP)
    return row


def require_editor(actor: Actor) -> None:
    """Let only who runs this installation change what it says.

    Raises:
        Forbidden: anybody else (code ``not_your_words``).

    """
    if not actor.holds(Permission.SYSTEM_ADMIN):
        raise Forbidden("您不能修改通知内容。", code="not_your_words")


def _check(draft: TemplateDraft) -> None:
    ways = {ANY, *(one.value for one in Way)}
    if (draft.kind, draft.audience) not in KINDS or draft.channel not in ways:
        raise Invalid("没有这种通知。", code="unknown_news")
    if draft.channel == Way.WECHAT and not (draft.template_id and draft.fields):
        raise Invalid("微信通知需要模板编号和字段。", code="no_template")
    wrong = [name for name in draft.fields if not rendering.FIELD.fullmatch(name)]
    if wrong:
        raise Invalid(f"没有这样的字段：{'、'.join(wrong)}。", code="bad_field")
    for words in (draft.title, draft.text, *draft.fields.values()):
        try:
            unknown = rendering.unknown(words)
        except ValueError as error:
            raise Invalid("花括号没有成对。", code="bad_placeholder") from error
        if unknown:
            raise Invalid(f"不能填写：{'、'.join(unknown)}。", code="bad_placeholder")


def _own(actor: Actor) -> UUID:
    if actor.person_id is None:
        raise Unauthenticated
    return actor.person_id
