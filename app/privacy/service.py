"""Publish the notice, take answers to it, hand a person their data, forget a person."""

from pathlib import Path
from typing import Any

from app.identity import queries as identity_queries
from app.identity import service as identity
from app.kernel import audit, clock
from app.kernel.actor import SYSTEM, Actor, Permission
from app.kernel.db import session
from app.kernel.errors import Conflict, Forbidden, Invalid, RuleBroken, Unauthenticated
from app.kernel.ids import new_id
from app.media import service as media
from app.notifications import service as news
from app.privacy import queries
from app.privacy.models import Consent, PrivacyNotice
from app.ratings import service as ratings
from app.tickets import queries as ticket_queries
from app.tickets import service as tickets
from app.wechat.events import WechatDeauthorised

SHIPPED = Path(__file__).with_name("notice.md")
"""A notice to begin with; whoever runs the product writes their own."""
LONGEST_NOTICE = 20_000
LONGEST_DEVICE = 64
BY_WECHAT = "wechat"
"""In place of a device: taken back within WeChat, not on a page of ours."""


def publish(actor: Actor, text: str) -> PrivacyNotice:
    """Put a new version of the notice into force; the same words again change nothing.

    Raises:
        Forbidden: the actor does not administer the product.
        Invalid: no words, or too many (code ``bad_notice``).

    """
    if not actor.holds(Permission.SYSTEM_ADMIN):
        raise Forbidden
    words = text.strip()
    if not words or len(words) > LONGEST_NOTICE:
        raise Invalid("隐私说明不能为空，也不能超过两万字。", code="bad_notice")
    newest = queries.newest()
    if newest is not None and newest.text == words:
        return newest
    made = PrivacyNotice(
        version=newest.version + 1 if newest else 1,
        text=words,
        published_at=clock.now(),
        published_by_id=actor.person_id,
    )
    session.add(made)
    session.flush()
    audit.record(actor, "privacy.published", "privacy_notice", None, version=made.version)
    return made


def publish_shipped(actor: Actor) -> None:
    """Put the shipped notice into force where there is none yet.

    Raises:
        Forbidden: the actor does not administer the product.

    """
    if queries.newest() is None:
        publish(actor, SHIPPED.read_text(encoding="utf-8"))


def answer(actor: Actor, version: int, *, agreed: bool, device: str = "") -> Consent:
    """Keep a person's answer to the notice in force; a refusal is kept as well.

    The same answer again is the one that is kept already.

    Raises:
        Unauthenticated: nobody acts.
        Conflict: the notice has a newer version (code ``newer_notice``).

    """
    if actor.person_id is None:
        raise Unauthenticated
    if version != queries.notice().version:
        raise Conflict("隐私说明已更新，请看过新的再选择。", code="newer_notice")
    said = queries.consents_of(actor.person_id)[:1]
    if said and (said[0].version, said[0].agreed) == (version, agreed):
        return said[0]
    given = Consent(
        id=new_id(),
        person_id=actor.person_id,
        version=version,
        agreed=agreed,
        device=device[:LONGEST_DEVICE],
        at=clock.now(),
    )
    session.add(given)
    session.flush()
    return given


def on_deauthorised(event: WechatDeauthorised) -> None:
    """Let go of what WeChat told us of somebody, and keep that they no longer agree."""
    person_id = identity.unlink_wechat(SYSTEM, event.openid_index, event.occurred_at)
    given = queries.consents_of(person_id)[:1] if person_id else []
    for last in given:
        if last.agreed:
            taken_back = Consent(
                id=new_id(),
                person_id=last.person_id,
                version=last.version,
                agreed=False,
                device=BY_WECHAT,
                at=clock.now(),
            )
            session.add(taken_back)
    session.flush()


def hand_out(actor: Actor) -> dict[str, Any]:
    """Give a person a copy of what is kept about them, and write down that it was given.

    Raises:
        Unauthenticated: nobody acts.

    """
    if actor.person_id is None:
        raise Unauthenticated
    audit.record(actor, "privacy.exported", "person", actor.person_id)
    return {"made_at": clock.now(), **queries.everything_about(actor)}


def forget(actor: Actor) -> None:
    """Forget a person at their own wish: who they are goes, what happened stays counted.

    Name, phone, WeChat, log-ins, own words, photos and voice go; tickets keep their
    category, place, times and results, and the chain of their history holds.

    Raises:
        Unauthenticated: nobody acts.
        RuleBroken: a role is still held, or a report still open (codes ``still_staff``,
            ``still_open``): those end first.

    """
    if actor.person_id is None:
        raise Unauthenticated
    person_id = actor.person_id
    if identity_queries.hats_of(person_id):
        raise RuleBroken("您还有工作身份，请先由单位办理离岗，再注销。", code="still_staff")
    if ticket_queries.has_alive(person_id):
        raise RuleBroken("您还有没办完的事，请等办完或先撤回，再注销。", code="still_open")
    media.delete(tickets.forget(person_id))
    ratings.forget(person_id)
    news.forget(person_id)
    identity.forget(actor, person_id)
    audit.record(actor, "privacy.forgotten", "person", person_id)
