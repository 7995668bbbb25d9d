"""Cases, candidates and rules out of thin air; a small district in the database."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID, uuid5

from app.catalog import rows as catalog_rows
from app.catalog import service as catalog_service
from app.catalog.rules import CategoryView
from app.identity import service as identity
from app.identity.rules import OrgKind, Role
from app.identity.service import NewGrant, NewOrganisation, NewProject, NewShift
from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor, Grant, Permission
from app.kernel.work import unit_of_work
from app.routing import service
from app.routing.models import RoutingRule
from app.routing.rules import (
    Candidates,
    Case,
    Mode,
    OnDuty,
    Org,
    Rule,
    RuleDraft,
    Target,
    World,
)
from app.territory.rules import Spot
from tests.make import territory as make_territory
from tests.make.territory import Town

AT = datetime(2026, 11, 16, 2, 0, tzinfo=UTC)
"""Monday, 10:00 in Shanghai."""

_NAMES = UUID(int=7)


def uid(name: str) -> UUID:
    """Turn a name into an id, the same every time."""
    return uuid5(_NAMES, name)


def org(name: str, kind: str = "property_firm", **extra: Any) -> Org:
    """Make an organisation; its id follows from its name."""
    return Org(uid(name), name, kind, **extra)


DISTRICT = org("云溪区", "district", phone="10000000003")
STREET = org("清河街道", "street", phone="10000000002")
COMMUNITY = org("清河社区", "community", phone="10000000001")
COMMITTEE = org("桂花苑业委会", "owners_committee")
FIRM = org("安居物业", phone="10000000010", project_id=uid("project-1"))
RIVAL = org("乐家物业", phone="10000000011", project_id=uid("project-2"))
POWER = org("城东供电所", "utility", phone="10000000020", has_accounts=False)
LIFTS = org("平安电梯维保", "other", phone="10000000021")
EVERYBODY = (DISTRICT, STREET, COMMUNITY, COMMITTEE, FIRM, RIVAL, POWER, LIFTS)

DESKS = {"community": COMMUNITY, "street": STREET, "district": DISTRICT}
LIN, CHEN, ZHOU = (OnDuty(uid(n), n, f"1000000003{i}") for i, n in enumerate(("林", "陈", "周")))


@cache
def categories() -> dict[str, CategoryView]:
    """Read the shipped categories without a database."""
    text = catalog_service.SHIPPED.read_text(encoding="utf-8-sig")
    checked = catalog_rows.check(catalog_rows.read_csv(text))
    return {row.code: catalog_rows.view_of(row, 1) for row in checked.rows}


def category(code: str, **changes: Any) -> CategoryView:
    """Take a shipped category, perhaps with other values."""
    return replace(categories()[code], **changes)


def spot(**changes: Any) -> Spot:
    """Make the spot of building 2 of a compound in a grid."""
    places = {
        f"{level}_id": uid(level)
        for level in ("district", "street", "community", "compound", "building", "grid")
    }
    words = {"label": "桂花苑 2幢 1单元", "public_label": "桂花苑 2幢", "why": "扫码"}
    return Spot(**{**places, **words, "management_mode": "professional", **changes})


def on_the_street(**changes: Any) -> Spot:
    """Make a spot outside any compound."""
    return spot(
        compound_id=None,
        building_id=None,
        management_mode=None,
        label="清河路 12号灯杆",
        public_label="清河路 12号灯杆",
        **changes,
    )


def case(code: str = "WPE-LIGHT", **changes: Any) -> Case:
    """Make a case at the usual spot and time."""
    view = changes.pop("category", None) or category(code)
    return Case(**{"spot": spot(), "category": view, "at": AT, **changes})


def candidates(**changes: Any) -> Candidates:
    """Make the usual candidates: one firm, three desks, a committee."""
    known = {one.id: one for one in EVERYBODY}
    usual = {"firms": (FIRM,), "desks": DESKS, "committee": COMMITTEE, "find": known.get}
    return Candidates(**{**usual, **changes})


def rule(
    name: str = "试行规则", target: str = "property", mode: str = "auto", **changes: Any
) -> Rule:
    """Make a rule of the usual district that holds for everything."""
    return Rule(
        **{
            "id": uid(f"rule {name}"),
            "district_id": uid("district"),
            "position": 1,
            "name": name,
            "target": Target(target),
            "mode": Mode(mode),
            **changes,
        }
    )


def world(**changes: Any) -> World:
    """Make the world rules point at."""
    known = {one.id: one for one in EVERYBODY}
    chain = ("district", "street", "community", "compound", "building")
    within = {
        uid(level): frozenset(uid(above) for above in chain[: depth + 1])
        for depth, level in enumerate(chain)
    }
    usual = {"at": AT, "categories": categories(), "within": within, "find": known.get}
    return World(**{**usual, **changes})


@dataclass(frozen=True, slots=True)
class Place:
    """A small district with everybody in it."""

    town: Town
    firm: UUID
    rival: UUID
    community: UUID
    street: UUID
    district: UUID
    committee: UUID
    lin: UUID
    chen: UUID
    editor: Actor


def staffed_town() -> Place:
    """Plant a town with desks, a firm with two people on duty, a committee and a rival."""
    town = make_territory.town()
    with unit_of_work():
        desks = {
            kind: _opened(kind, name, getattr(town, kind.value), phone)
            for kind, name, phone in (
                (OrgKind.COMMUNITY, "桂花社区", "10000000001"),
                (OrgKind.STREET, "清河街道办", "10000000002"),
                (OrgKind.DISTRICT, "云溪区指挥中心", "10000000003"),
            )
        }
        committee = _opened(OrgKind.OWNERS_COMMITTEE, "桂花苑业委会", town.compound)
        firm = _opened(OrgKind.PROPERTY_FIRM, "安居物业", None, "10000000010")
        rival = _opened(OrgKind.PROPERTY_FIRM, "乐家物业", None, "10000000011")
        identity.open_project(SYSTEM, NewProject(organisation_id=firm, compound_id=town.compound))
        people = [_on_duty(name, firm, order) for order, name in enumerate(("林强", "陈刚"))]
        editor = identity.add_person(SYSTEM, name="管理员").id
    grant = Grant("admin", frozenset({Permission.ROUTING_EDIT}), town.district, "district")
    return Place(
        town,
        firm,
        rival,
        desks[OrgKind.COMMUNITY],
        desks[OrgKind.STREET],
        desks[OrgKind.DISTRICT],
        committee,
        *people,
        Actor(editor, "管理员", (grant,)),
    )


def _opened(kind: OrgKind, name: str, place_id: UUID | None, phone: str | None = None) -> UUID:
    new = NewOrganisation(kind=kind, name=name, place_id=place_id, duty_phone=phone)
    return identity.open_organisation(SYSTEM, new).id


def _on_duty(name: str, firm: UUID, order: int) -> UUID:
    person = identity.add_person(SYSTEM, name=name, phone=f"1000000005{order}").id
    identity.grant(SYSTEM, NewGrant(person_id=person, role=Role.REPAIRER, organisation_id=firm))
    shift = NewShift(
        organisation_id=firm, person_id=person, starts_at=clock.now(), order=order, phone=None
    )
    identity.start_shift(SYSTEM, shift)
    return person


def draft(
    name: str = "楼道照明", target: str = "property", mode: str = "auto", **extra: Any
) -> RuleDraft:
    """Write a rule down."""
    return RuleDraft(
        **{"name": name, "target": Target(target), "mode": Mode(mode), "why": "试行", **extra}
    )


def added(place: Place, name: str = "楼道照明", *args: str, **extra: Any) -> RoutingRule:
    """Add a rule in a unit of its own."""
    with unit_of_work():
        return service.add_rule(place.editor, place.town.district, draft(name, *args, **extra))
