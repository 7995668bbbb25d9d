"""Bringing the invented bodies and people to life: organisations, contracts, posts, homes."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.demo.people import Home, Person
from app.demo.town import DESK_ROLES, Town
from app.demo.world import Organisation
from app.identity import queries as identity_queries
from app.identity import service as identity
from app.identity.queries import ContactView
from app.identity.rules import OrgKind, Role
from app.identity.service import NewGrant, NewOrganisation, NewProject, NewShift
from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor
from app.wechat.gateway import DEV_APPID, WechatLogin

SHIFT = timedelta(weeks=8)
ON_CALL = 3
"""People of a firm on its list at a time, before the last shift names everybody."""
NO_CLAIM, ONLY_CLAIMED = 0.05, 0.09
"""Share of residents who never claimed a home, and whose claim is still waiting."""


def open_bodies(town: Town) -> None:
    """Open the organisations, the firms' contracts and the lists to ring."""
    for body in town.world.organisations:
        town.organisations[body.key] = identity.open_organisation(SYSTEM, _body(town, body)).id
    for project in town.world.projects:
        since = datetime(project.since.year, project.since.month, project.since.day, tzinfo=UTC)
        identity.open_project(
            SYSTEM,
            NewProject(
                organisation_id=town.organisations[project.firm],
                compound_id=town.places[project.compound],
                contract_grade=project.grade,
                duty_phone=project.duty_phone,
                valid_from=since,
                building_ids=[
                    town.places[f"{project.compound}/{number}"] for number in project.buildings
                ],
            ),
        )
    for compound in {line.compound: None for line in town.world.fallbacks}:
        lines = [
            ContactView(line.name, line.phone, line.what)
            for line in town.world.fallbacks
            if line.compound == compound
        ]
        identity.set_fallback_contacts(SYSTEM, town.places[compound], lines)


def _body(town: Town, body: Organisation) -> NewOrganisation:
    return NewOrganisation(
        kind=body.kind,
        name=body.name,
        short_name=body.short_name,
        place_id=town.places[body.at],
        duty_phone=body.duty_phone or None,
        has_accounts=body.has_accounts,
        valid_from=min(clock.now(), datetime(2015, 1, 1, tzinfo=UTC)),
    )


def bring_people(town: Town) -> None:
    """Add everybody with their posts and memberships; who logs in gets a demo code."""
    for serial, person in enumerate(town.world.people, start=1):
        works = any(post.role is not Role.BUILDING_HEAD for post in person.posts)
        added = identity.add_person(
            SYSTEM,
            name=person.name,
            phone=person.phone,
            work_number=f"{100_000 + serial}" if works else None,
        )
        town.people[person.key] = added.id
        if person.login is not None:
            login = WechatLogin(appid=DEV_APPID, openid=person.login)
            identity.link_wechat(SYSTEM, added.id, login)
        for post in person.posts:
            identity.grant(SYSTEM, _grant(town, added.id, post.role, post.at))
        for body in person.member_of:
            identity.join(SYSTEM, added.id, town.organisations[body])


def _grant(town: Town, person_id: UUID, role: Role, at: str) -> NewGrant:
    if at in town.organisations:
        return NewGrant(person_id=person_id, role=role, organisation_id=town.organisations[at])
    on_grid = role in (Role.GRID_WORKER, Role.GRID_LEADER)
    place_id = town.places[at]
    if on_grid:
        return NewGrant(person_id=person_id, role=role, grid_id=place_id)
    return NewGrant(person_id=person_id, role=role, place_id=place_id)


def wake_people(town: Town) -> None:
    """Let everybody act, with the grants they were given; plain residents have none."""
    for key, person_id in town.people.items():
        person = town.person_of[key]
        actor: Actor | None = Actor(person_id=person_id, name=person.name)
        if person.posts or person.member_of:
            actor = identity_queries.actor_of(person_id)
        assert actor is not None  # noqa: S101  (just added)
        town.actors[key] = actor


def set_shifts(town: Town, start: datetime, now: datetime) -> None:
    """Write the duty lists: firms take turns, desks are always there.

    The last list of a firm is open-ended and calls in the world's order, so that
    it still holds when the demo is looked at days later.
    """
    listed: dict[str, list[str]] = {}
    for duty in town.world.duties:
        listed.setdefault(duty.organisation, []).append(duty.person)
    firms = {o.key for o in town.world.organisations if o.kind is OrgKind.PROPERTY_FIRM}
    last = start + (now - start) // SHIFT * SHIFT
    for body, people in listed.items():
        for turn in range((last - start) // SHIFT if body in firms else 0):
            begins = start + turn * SHIFT
            hands = [people[(turn + n) % (len(people) - 1)] for n in range(ON_CALL)]
            _shifts(town, body, hands, begins, begins + SHIFT)
        _shifts(town, body, people, last if body in firms else start, None)


def _shifts(
    town: Town, body: str, people: list[str], begins: datetime, ends: datetime | None
) -> None:
    for order, key in enumerate(people):
        identity.start_shift(
            SYSTEM,
            NewShift(
                organisation_id=town.organisations[body],
                person_id=town.people[key],
                starts_at=begins,
                ends_at=ends,
                order=order,
            ),
        )


def settle_homes(town: Town, rng: random.Random) -> list[Person]:
    """Let residents claim their homes and the community confirm; list who still waits."""
    waiting = []
    for person in town.world.people:
        if person.home is None:
            continue
        drawn = rng.random()
        if person.login is None and drawn < NO_CLAIM:
            continue
        if person.login is None and drawn < NO_CLAIM + ONLY_CLAIMED:
            waiting.append(person)
            continue
        claim = identity.claim_dwelling(
            town.actors[person.key], home_id(town, person.home), person.home.binding
        )
        identity.decide_binding(town.actors[verifier(town, person)], claim.id, confirmed=True)
        town.confirmed.add(person.key)
    return waiting


def home_id(town: Town, home: Home) -> UUID:
    """Find the place of a home."""
    return town.places[f"{home.compound}/{home.building}/{home.unit}/{home.dwelling}"]


def verifier(town: Town, person: Person) -> str:
    """Find who of the community confirms a person's home."""
    assert person.home is not None  # noqa: S101  (asked of residents only)
    community = town.world.compound(person.home.compound).community
    staff = town.holding(DESK_ROLES["community"], community)
    return next(key for key in staff if key != person.key)
