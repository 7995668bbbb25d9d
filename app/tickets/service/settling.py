"""From a place and a category to promises, a desk and a handler: the facts of a ticket."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from app.catalog import queries as catalog
from app.catalog.rules import TOP_TIER, WALL_CLOCK, CategoryView, WorkCalendar
from app.identity import queries as identity
from app.kernel.errors import Invalid, NotFound
from app.routing import service as routing
from app.routing.rules import Case, Decision
from app.sla import ops
from app.sla import queries as sla_queries
from app.sla import rules as sla_rules
from app.sla import service as sla
from app.sla.ops import Op
from app.sla.rules import ClockKind, Promised, PromiseTerms, Token
from app.territory import queries as territory
from app.territory.rules import Spot
from app.tickets import queries
from app.tickets.models import Ticket

MONTHLY = "30d"
"""How often a long-term matter owes the public a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """How the place was said: exactly one of the three ways."""

    scene: str | None = None
    place_id: UUID | None = None
    point: tuple[float, float, str] | None = None  # lat, lon, datum


def locate(where: Where) -> Spot:
    """Find the place of a report, however it was said.

    Raises:
        Invalid: none or several ways were used (code ``place_needed``).
        NotFound, Invalid: see territory.
    """
    ways = [way for way in (where.scene, where.place_id, where.point) if way is not None]
    if len(ways) != 1:
        raise Invalid(
            "请说明地点：扫码、选地址或在地图上选点，三选一。",
            code="place_needed",
            errors={"place": ["请选一种方式说明地点"]},
        )
    if where.scene is not None:
        return territory.spot_of_scene(where.scene)
    if where.place_id is not None:
        return territory.spot_of_place(where.place_id)
    assert where.point is not None  # noqa: S101  (one of three, checked above)
    lat, lon, datum = where.point
    return territory.spot_at(lat, lon, datum)


def category_at(code: str, spot: Spot, at: datetime) -> CategoryView:
    """Look up a ticket's category (it may be retired by now) with the numbers that hold here."""
    grade = _grade(spot, at)
    return catalog.category(code, district_id=spot.district_id, contract_grade=grade, at=at)


def offered_at(code: str, spot: Spot, at: datetime) -> CategoryView:
    """Look up a category for a new use, with the numbers that hold at this place.

    Raises:
        Invalid: no such category, or one that is retired (code ``unknown_category``).
    """
    grade = _grade(spot, at)
    return catalog.offered(code, district_id=spot.district_id, contract_grade=grade, at=at)


def _grade(spot: Spot, at: datetime) -> str | None:
    firms = identity.firms_serving(spot.compound_id, spot.building_id, spot.facility_kind, at)
    return firms[0].contract_grade if firms else None


def category_of(ticket: Ticket, at: datetime) -> CategoryView:
    """Look up a ticket's category with the numbers that hold for it at a time."""
    return category_at(ticket.category_code, spot_of(ticket), at)


def promise_of(
    category: CategoryView, spot: Spot, start: datetime, *, resolve_from: datetime | None = None
) -> Promised:
    """Compute the three due times of a category from ``start`` (a part's from its whole's)."""
    return sla.promised(
        terms_of(category), start, district_id=spot.district_id, resolve_start=resolve_from
    )


def terms_of(category: CategoryView) -> PromiseTerms:
    """Pick what sla needs to know of a category."""
    return PromiseTerms(
        accept_by=category.accept_by,
        respond_by=category.respond_by,
        resolve_by=category.resolve_by,
        calendar=category.calendar,
        policy_version=category.policy_version,
    )


def place_columns(spot: Spot) -> dict[str, Any]:
    """Name the ticket's place columns for a spot (the full label is sealed, apart)."""
    return {
        "district_id": spot.district_id,
        "street_id": spot.street_id,
        "community_id": spot.community_id,
        "compound_id": spot.compound_id,
        "building_id": spot.building_id,
        "unit_id": spot.unit_id,
        "dwelling_id": spot.dwelling_id,
        "facility_id": spot.facility_id,
        "grid_id": spot.grid_id,
        "public_label": spot.public_label,
        "lat": spot.lat,
        "lon": spot.lon,
    }


def decide_route(
    ticket: Ticket,
    spot: Spot,
    category: CategoryView,
    at: datetime,
    *,
    gave_it_back: frozenset[UUID] = frozenset(),
) -> Decision:
    """Ask routing who gets it; always with the reason why."""
    return routing.resolve(
        Case(
            spot=spot,
            category=category,
            at=at,
            accuse=ticket.accuse,
            load=queries.open_load,
            exclude=gave_it_back,
        )
    )


def tier_of(decision: Decision) -> int:
    """Name the tier a decision starts at: a desk above the community starts above it."""
    return {"community": 1, "street": 3, "district": 4}[decision.desk_level]


def tier_columns(category: CategoryView, decision: Decision) -> dict[str, int]:
    """Name the tiers: the higher of the category's and the lead's, with one left to climb."""
    tier = max(category.start_tier, tier_of(decision))
    return {"tier": tier, "ceiling_tier": max(category.ceiling_tier, min(tier + 1, TOP_TIER))}


def desk_columns(spot: Spot, decision: Decision) -> dict[str, Any]:
    """Name the columns that say who decides and who is accused."""
    desk_id = {
        "community": spot.community_id,
        "street": spot.street_id,
        "district": spot.district_id,
    }[decision.desk_level]
    return {
        "desk_level": decision.desk_level,
        "desk_id": desk_id,
        "proposed_id": None if decision.dispatch_now else decision.lead_id,
        "respondent_id": decision.respondent_id,
        "barred": " ".join(sorted(one.hex for one in decision.barred_ids)),
    }


def due_after(start: datetime, token: str, district_id: UUID | None) -> datetime:
    """Count a duration token from ``start`` by the district's calendar."""
    return sla_rules.due(start, Token.parse(token), sla_queries.calendars(district_id))


def restart(category: CategoryView, kind: ClockKind, since: datetime, *, percent: int = 100) -> Op:
    """Begin the next round of a promise under the category's present terms."""
    terms = terms_of(category)
    return ops.start(
        kind,
        str(terms.token(kind)),
        calendar=terms.calendar,
        policy_version=terms.policy_version,
        edition=sla_queries.edition(),
        since=since,
        percent=percent,
    )


def count_down(kind: ClockKind, token: str, since: datetime, *, tier: int = 0) -> Op:
    """Begin a clock that no category names: a tier's hold, an answer that is owed."""
    unit = Token.parse(token).unit
    calendar = WorkCalendar.ALWAYS if unit in WALL_CLOCK else WorkCalendar.WORKDAY
    return ops.start(
        kind,
        token,
        calendar=calendar.value,
        policy_version=0,
        edition=sla_queries.edition(),
        since=since,
        tier=tier,
    )


def next_month(at: datetime) -> list[Op]:
    """Meet what a long-term matter owes the public this month, and begin the next."""
    return [ops.meet(ClockKind.ANSWER), count_down(ClockKind.ANSWER, MONTHLY, at)]


def clocks_again(ticket: Ticket, at: datetime) -> list[Op]:
    """Start the accept clock anew for a new lead, and the respond clock if it was met."""
    spot = spot_of(ticket)
    category = category_at(ticket.category_code, spot, at)
    kinds = [ClockKind.ACCEPT]
    if ticket.started_at is not None:
        kinds.append(ClockKind.RESPOND)
    return [restart(category, kind, at) for kind in kinds]


def spot_of(ticket: Ticket) -> Spot:
    """Rebuild the spot of a ticket from its place columns."""
    profile = territory.compound_profile(ticket.compound_id) if ticket.compound_id else None
    facility = None
    if ticket.facility_id is not None:
        with suppress(NotFound):  # taken down since: the ticket outlives it
            facility = territory.facility(ticket.facility_id)
    return Spot(
        district_id=ticket.district_id,
        street_id=ticket.street_id,
        community_id=ticket.community_id,
        compound_id=ticket.compound_id,
        building_id=ticket.building_id,
        unit_id=ticket.unit_id,
        dwelling_id=ticket.dwelling_id,
        facility_id=ticket.facility_id,
        grid_id=ticket.grid_id,
        facility_kind=str(facility.kind) if facility else None,
        facility_number=facility.number if facility else None,
        responsible_id=facility.organisation_id if facility else None,
        warranty_until=facility.warranty_until if facility else None,
        label=ticket.place_label,
        public_label=ticket.public_label,
        lat=ticket.lat,
        lon=ticket.lon,
        why="按工单上的地点",
        management_mode=str(profile.management_mode) if profile else None,
    )
