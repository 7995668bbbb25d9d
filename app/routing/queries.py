"""Read rules, and look up everybody a case might go to."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, or_, select

from app.catalog import queries as catalog
from app.identity import queries as identity
from app.identity.models import PropertyProject
from app.kernel import clock, stamps
from app.kernel.db import session
from app.kernel.errors import NotFound
from app.routing.matching import Case, Rule
from app.routing.models import RoutingRule
from app.routing.parties import LEVELS, Candidates, Contact, OnDuty, Org, People
from app.routing.rules import Choice, Finding, World, conflicts
from app.territory.access import nodes_of
from app.territory.models import Grid, Place

STAMP = "routing"


def rule(rule_id: UUID) -> RoutingRule:
    """Read one version of a rule.

    Raises:
        NotFound: there is none.

    """
    found = session.get(RoutingRule, rule_id)
    if found is None:
        raise NotFound
    return found


def rows(district_id: UUID) -> Sequence[RoutingRule]:
    """List the open rules of a district in their order."""
    query = select(RoutingRule).where(
        RoutingRule.district_id == district_id, RoutingRule.retired_at.is_(None)
    )
    return session.scalars(query.order_by(RoutingRule.position, RoutingRule.id)).all()


def last_position(district_id: UUID) -> int:
    """Name the position of the last open rule; 0 if there is none."""
    last = select(func.max(RoutingRule.position)).where(
        RoutingRule.district_id == district_id, RoutingRule.retired_at.is_(None)
    )
    return session.scalar(last) or 0


def versions(line_id: UUID) -> Sequence[RoutingRule]:
    """List every version of a rule, the oldest first."""
    query = select(RoutingRule).where(RoutingRule.line_id == line_id)
    return session.scalars(query.order_by(RoutingRule.id)).all()


def rules_of(district_id: UUID | None) -> tuple[Rule, ...]:
    """Hand out the open rules of a district in their order, from memory."""
    return _book.get().get(district_id, ()) if district_id else ()


def rules_at(district_id: UUID, at: datetime) -> tuple[Rule, ...]:
    """Read the rules that stood in a district at ``at``, in their order then."""
    query = select(RoutingRule).where(
        RoutingRule.district_id == district_id,
        RoutingRule.valid_from <= at,
        or_(RoutingRule.valid_to.is_(None), RoutingRule.valid_to > at),
    )
    ordered = query.order_by(RoutingRule.position, RoutingRule.id)
    return tuple(plain(row) for row in session.scalars(ordered))


def findings(district_id: UUID, at: datetime | None = None) -> list[Finding]:
    """Report what is wrong with the rules of a district, in words."""
    rules = rules_of(district_id)
    nodes = [rule.node_id for rule in rules if rule.node_id]
    at = at or clock.now()
    tree = catalog.tree(district_id=district_id, at=at)
    world = World(
        at=at,
        categories={view.code: view for group in tree for view in group.categories},
        within={key: node.within for key, node in live_nodes(nodes).items()},
        find=lambda organisation_id: organisation(organisation_id, at),
    )
    return conflicts(rules, world)


@dataclass(frozen=True, slots=True)
class Node:
    """A live place or grid: its level, and itself with everything above it."""

    level: str
    within: frozenset[UUID]


def live_nodes(node_ids: Collection[UUID]) -> dict[UUID, Node]:
    """Find the live places and grids among ``node_ids``."""
    if not node_ids:
        return {}
    live = select(Place).where(Place.id.in_(node_ids), Place.retired_at.is_(None))
    found = {one.id: Node(one.level.value, nodes_of(one)) for one in session.scalars(live)}
    grids = (
        select(Grid.id, Place)
        .join(Place, Place.id == Grid.community_id)
        .where(Grid.id.in_(node_ids), Grid.retired_at.is_(None))
    )
    for grid_id, community in session.execute(grids):
        found[grid_id] = Node("grid", nodes_of(community) | {grid_id})
    return found


# Who might get a case


def candidates(case: Case) -> Candidates:
    """Look up everybody a case might go to; from memory when caches are warm."""
    spot, at = case.spot, case.at
    serving = identity.firms_serving(spot.compound_id, spot.building_id, spot.facility_kind, at)
    firms = (_as_org(identity.organisation(one.organisation_id, at=at), one) for one in serving)
    desks = {}
    for level, node in _desk_nodes(case):
        if desk := _as_org(identity.desk_of(level, node, at=at)):
            desks[level] = desk
    return Candidates(
        firms=tuple(firm for firm in firms if firm),
        all_firms=_all_firms(case),
        desks=desks,
        committee=_as_org(identity.committee_of(spot.compound_id, at=at)),
        answerer=organisation(spot.responsible_id, at) if spot.responsible_id else None,
        find=lambda organisation_id: organisation(organisation_id, at),
    )


def people(choice: Choice, case: Case) -> People:
    """Look up who of the lead is there, as far as the choice depends on it."""
    duty: tuple[OnDuty, ...] = ()
    members: frozenset[UUID] = frozenset()
    barred: frozenset[UUID] = frozenset()
    fallback: tuple[Contact, ...] = ()
    if choice.lead is not None and choice.needs_duty:
        on_duty = identity.on_duty(choice.lead.id, case.spot.nodes, case.at)
        duty = tuple(OnDuty(one.person_id, one.name, one.phone) for one in on_duty)
    elif choice.lead is not None and choice.wanted_person is not None:
        members = identity.people_of(choice.lead.id, case.at)
    if duty or members:
        barred = barred.union(*(identity.people_of(one.id, case.at) for one in choice.accused))
    if choice.needs_fallback:
        listed = identity.fallback_contacts(case.spot.compound_id)
        fallback = tuple((f"{one.name}（{one.what}）", one.phone) for one in listed)
    return People(duty=duty, members=members, barred=barred, fallback=fallback)


def organisation(organisation_id: UUID, at: datetime) -> Org | None:
    """Name an organisation that stands at ``at``, or None."""
    return _as_org(identity.organisation(organisation_id, at=at))


def _desk_nodes(case: Case) -> tuple[tuple[str, UUID | None], ...]:
    spot = case.spot
    nodes = (spot.community_id, spot.street_id, spot.district_id)
    return tuple(zip(LEVELS, nodes, strict=True))


def _as_org(
    view: identity.OrganisationView | None, firm: identity.FirmView | None = None
) -> Org | None:
    if view is None:
        return None
    return Org(
        view.id,
        view.short_name,
        view.kind,
        firm.duty_phone if firm else view.duty_phone,
        firm.project_id if firm else None,
        view.has_accounts,
    )


def _all_firms(case: Case) -> tuple[Org, ...]:
    """Read every firm of the compound where it matters: accused, and no building known."""
    spot, at = case.spot, case.at
    if "property" not in case.accused or spot.building_id or spot.compound_id is None:
        return ()
    under_contract = (
        select(PropertyProject.organisation_id)
        .where(
            PropertyProject.compound_id == spot.compound_id,
            PropertyProject.valid_from <= at,
            or_(PropertyProject.valid_to.is_(None), PropertyProject.valid_to > at),
        )
        .order_by(PropertyProject.valid_from, PropertyProject.id)
    )
    found = (organisation(one, at) for one in session.scalars(under_contract))
    return tuple(one for one in found if one)


def _read() -> Mapping[UUID, tuple[Rule, ...]]:
    query = select(RoutingRule).where(RoutingRule.retired_at.is_(None))
    kept: dict[UUID, list[Rule]] = defaultdict(list)
    for row in session.scalars(query.order_by(RoutingRule.position, RoutingRule.id)):
        kept[row.district_id].append(plain(row))
    return {district_id: tuple(rules) for district_id, rules in kept.items()}


def plain(row: RoutingRule) -> Rule:
    """Make the plain value of a rule's row."""
    return Rule(
        id=row.id,
        district_id=row.district_id,
        position=row.position,
        name=row.name,
        target=row.target,
        mode=row.mode,
        organisation_id=row.organisation_id,
        assignee_id=row.assignee_id,
        cap=row.cap,
        node_id=row.node_id,
        node_level=row.node_level,
        facility_kind=row.facility_kind,
        category_code=row.category_code,
        group_code=row.group_code,
        kind=row.kind,
        urgency=row.urgency,
        weekdays=frozenset(row.weekdays),
        from_time=row.from_time,
        to_time=row.to_time,
        serving_id=row.serving_id,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
    )


_book = stamps.Cached(STAMP, _read)
