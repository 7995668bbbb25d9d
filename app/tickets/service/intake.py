"""From a resident's words to a numbered ticket with three promises and a handler."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.catalog import queries as catalog
from app.catalog.rules import URGENT, CategoryView
from app.identity import queries as identity
from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor, Permission
from app.kernel.db import session
from app.kernel.errors import Invalid, NotFound, RuleBroken
from app.kernel.ids import new_digits, new_id
from app.routing.rules import Decision
from app.sla import service as sla
from app.sla.rules import Promised
from app.territory.rules import Spot
from app.tickets import history, queries
from app.tickets.access import DESKS
from app.tickets.history import Note
from app.tickets.models import Follower, Step, Ticket
from app.tickets.queries import Similar
from app.tickets.service import handover
from app.tickets.service.settling import (
    Where,
    decide_route,
    desk_columns,
    locate,
    offered_at,
    place_columns,
    promise_of,
    tier_columns,
)
from app.tickets.service.steps import (
    Words,
    attach,
    check_words,
    require_words,
    resident_relations,
    set_next_due,
    take_as_system,
)
from app.tickets.states import OPEN, Action, Relation, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A report as it comes in."""

    category: str
    where: Where
    text: str = ""
    media: Sequence[UUID] = ()
    contact_name: str | None = None
    contact_phone: str | None = None
    anonymous: bool = False
    accuse: str | None = None  # property | community, ticked by the resident
    on_behalf: bool = False
    channel: str = "mini_program"
    happened_at: datetime | None = None


def similar(category: str, where: Where) -> list[Similar]:
    """Find open tickets a neighbour may join instead of filing again.

    Off for in-home, sensitive and accusing categories.
    """
    spot = locate(where)
    view = offered_at(category, spot, clock.now())
    if view.in_home or view.sensitive or view.accuses != "none":
        return []
    return queries.similar(
        compound_id=spot.compound_id, building_id=spot.building_id, category_code=view.code
    )


def submit(actor: Actor, draft: Draft) -> Ticket:
    """Take a report: number it, promise three times, find who handles it.

    Raises:
        Invalid, RuleBroken, NotFound: the draft cannot be taken; codes
            ``place_needed``, ``unknown_category``, ``text_needed``,
            ``anonymous_not_allowed``, ``phone_needed``, ``not_verified``,
            ``may_not_file_for``.
    """
    at = clock.now()
    spot = locate(draft.where)
    category = offered_at(draft.category, spot, at)
    _check(actor, draft, spot, category, at)
    _check_restriction(actor, category, at)
    ticket = _new(draft, spot, category, at)
    ticket.reporter_id = None if draft.on_behalf else actor.person_id
    ticket.filed_by_id = actor.person_id if draft.on_behalf else None
    ticket.first_id = _taken_in_by(actor, spot) if draft.on_behalf else None
    step = _open(actor, ticket, spot, category, Words(draft.text, draft.media))
    attach(actor, ticket, step, draft.media)
    return ticket


def _taken_in_by(actor: Actor, spot: Spot) -> UUID | None:
    """Name the desk whose staff wrote down what somebody said by phone or at the counter."""
    nodes = zip(DESKS, (spot.community_id, spot.street_id, spot.district_id), strict=True)
    for level, node in nodes:
        desk = identity.desk_of(level, node) if node else None
        if desk is not None and desk.id in actor.organisation_ids:
            return desk.id
    return None


def submit_part(actor: Actor, parent: Ticket, code: str, text: str, spot: Spot) -> Ticket:
    """File one part of a split report: same people and place, its own clocks.

    Splitting wins no time: the part's resolve time counts from the parent's
    submit time.
    """
    at = clock.now()
    category = offered_at(code, spot, at)
    draft = Draft(
        category=code,
        where=Where(),
        text=text,
        contact_name=parent.contact_name,
        contact_phone=parent.contact_phone,
        anonymous=parent.anonymous,
        accuse=parent.accuse,
        channel=parent.channel,
        happened_at=parent.happened_at,
    )
    ticket = _new(draft, spot, category, at)
    ticket.parent_id = parent.id
    ticket.reporter_id = parent.reporter_id
    ticket.filed_by_id = parent.filed_by_id
    ticket.followers = parent.followers
    ticket.first_id = parent.first_id
    _open(actor, ticket, spot, category, Words(text), resolve_from=parent.submitted_at)
    for person_id in queries.follower_ids(parent.id):
        session.add(Follower(ticket_id=ticket.id, person_id=person_id, joined_at=at))
    return ticket


def _open(
    actor: Actor,
    ticket: Ticket,
    spot: Spot,
    category: CategoryView,
    words: Words,
    *,
    resolve_from: datetime | None = None,
) -> Step:
    """Promise, route, write the first step, dispatch if the rules say so; flush once."""
    at = ticket.submitted_at
    decision = decide_route(ticket, spot, category, at)
    due = promise_of(category, spot, at, resolve_from=resolve_from)
    _settle(ticket, spot, category, decision, due)
    note = Note(
        words=check_words(words.text),
        facts={
            "why": list(decision.why),
            "media": len(words.media),
            "clocks": sla.openings(due),
            **({"on_behalf": True} if ticket.filed_by_id is not None else {}),
        },
    )
    step = history.begin(ticket, actor, at, note)
    session.add(ticket)
    if decision.dispatch_now:
        dispatch_by_rule(ticket, decision)
    set_next_due(ticket)
    session.flush()
    sla.record(ticket.id, due)
    return step


def _check(actor: Actor, draft: Draft, spot: Spot, category: CategoryView, at: datetime) -> None:
    require_words(Words(draft.text, draft.media), or_media=True)
    if draft.anonymous and not category.anonymous_ok:
        raise RuleBroken("这类问题需要联系您才能办理，不能匿名。", code="anonymous_not_allowed")
    if category.callback_phone_required and not draft.contact_phone:
        raise Invalid(
            "这类问题很急，请留下电话，方便马上联系您。",
            code="phone_needed",
            errors={"contact": ["请留下电话"]},
        )
    if draft.on_behalf and not actor.may(Permission.TICKET_FILE_FOR, nodes=spot.nodes):
        raise RuleBroken("您只能在自己负责的范围内代人上报。", code="may_not_file_for")
    at_home = category.in_home or spot.dwelling_id is not None
    if (
        at_home
        and not draft.on_behalf
        and actor.person_id is not None
        and not identity.is_verified_at(actor.person_id, spot.compound_id)
    ):
        raise RuleBroken("户内的问题要先认证住址，公共部位可以直接上报。", code="not_verified")
    if draft.happened_at is not None and draft.happened_at > at:
        raise Invalid(
            "发生时间不能晚于现在。",
            code="happened_later",
            errors={"happened_at": ["不能晚于现在"]},
        )


def _check_restriction(actor: Actor, category: CategoryView, at: datetime) -> None:
    """Hold a restricted person to one open ticket, never for what is urgent (rules.md)."""
    until = actor.restricted_until
    if until is None or until <= at or category.urgency in URGENT or actor.person_id is None:
        return
    if queries.has_open(actor.person_id):
        raise RuleBroken(
            "您目前同时只能有一件在办的事，请等这件办完；紧急情况不受限制。", code="restricted"
        )


def _new(draft: Draft, spot: Spot, category: CategoryView, at: datetime) -> Ticket:
    return Ticket(
        id=new_id(),
        number=new_digits(12),
        state=State.SUBMITTED,
        category_code=category.code,
        kind=str(category.kind),
        urgency=str(category.urgency),
        policy_version=category.policy_version,
        photo_required=category.photo_on_resolve,
        sensitive=category.sensitive,
        confirm_within=category.confirm_within,
        channel=draft.channel,
        anonymous=draft.anonymous,
        contact_name=draft.contact_name,
        contact_phone=draft.contact_phone,
        text=draft.text.strip() or None,
        accuse=draft.accuse,
        happened_at=draft.happened_at,
        submitted_at=at,
        **place_columns(spot),
        place_label=spot.label,
    )


def _settle(
    ticket: Ticket, spot: Spot, category: CategoryView, decision: Decision, due: Promised
) -> None:
    """Write the decision and the promises into a ticket that has no history yet."""
    ticket.accept_due_at = due.accept
    ticket.respond_due_at = due.respond
    ticket.resolve_due_at = due.resolve
    ticket.look_at = sla.first_look(due)
    columns = desk_columns(spot, decision) | tier_columns(category, decision)
    for name, value in columns.items():
        setattr(ticket, name, value)
    if ticket.first_id is not None and ticket.first_id.hex in ticket.barred:
        ticket.first_id = None
    ticket.mode = str(decision.mode)
    ticket.why = list(decision.why)
    ticket.parties = list(decision.parties_without_accounts)


def dispatch_by_rule(ticket: Ticket, decision: Decision, *, first: bool = True) -> None:
    """Dispatch at once, as the rules said."""
    assert decision.lead_id is not None  # noqa: S101  (routing never dispatches to nobody)
    taken = take_as_system(SYSTEM, ticket, Action.DISPATCH)
    taken.move(
        facts={"why": list(decision.why), "by_rule": True},
        dispatched_at=taken.at,
        **handover.lead_columns(decision),
        **handover.first_columns(ticket, decision.lead_id),
    )
    handover.begin_lead(ticket, taken.at, "；".join(decision.why), first=first)


def join(actor: Actor, ticket_id: UUID) -> Ticket:
    """Join an open ticket about the same trouble; joining twice is joining once.

    Raises:
        NotFound: no such ticket, or none that may be joined.
    """
    ticket = queries.hold(ticket_id)
    if actor.person_id is None:
        raise NotFound
    if ticket.reporter_id == actor.person_id or queries.is_follower(actor.person_id, ticket_id):
        return ticket
    at = clock.now()
    if not _may_be_joined(ticket, at):
        raise NotFound
    history.require(ticket, Action.JOIN, frozenset({Relation.NEIGHBOUR}), at)
    session.add(Follower(ticket_id=ticket_id, person_id=actor.person_id, joined_at=at))
    history.move(
        ticket,
        Action.JOIN,
        actor,
        at,
        relation=Relation.NEIGHBOUR,
        followers=ticket.followers + 1,
    )
    return ticket


def _may_be_joined(ticket: Ticket, at: datetime) -> bool:
    """Tell whether a neighbour may know of a ticket: only what could have been offered."""
    secret = ticket.accusing or ticket.sensitive or ticket.dwelling_id is not None
    if secret or ticket.merged_into_id is not None or ticket.state not in OPEN:
        return False
    return not catalog.category(ticket.category_code, at=at).in_home


def may_read_as_resident(actor: Actor, ticket: Ticket) -> frozenset[Relation]:
    """Find what a resident is to a ticket.

    Raises:
        NotFound: nothing.
    """
    return resident_relations(actor, ticket)
