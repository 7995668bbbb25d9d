"""A small complete world: one street, two communities, firms, people of every role.

Built once per run through the services, then copied before each test that
asks for it (fixture ``world``). Two firms, each with a compound; noise beside.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.catalog import service as catalog
from app.identity import queries as identity_queries
from app.identity import service as identity
from app.identity.rules import BindingKind, OrgKind, Role
from app.identity.service import NewGrant, NewOrganisation, NewProject, NewShift
from app.kernel import clock
from app.kernel.actor import SYSTEM, Actor
from app.kernel.work import unit_of_work
from app.sla import service as sla
from app.territory import queries as territory
from app.territory import service as territory_service
from app.territory.rules import Level, ManagementMode
from app.territory.service import PlaceDraft
from app.wechat.gateway import DEV_APPID, WechatLogin

MADE_BEFORE = timedelta(days=60)


@dataclass
class World:
    """Ids of everything; ``actor(name)`` makes the person act."""

    places: dict[str, UUID] = field(default_factory=dict)
    scenes: dict[str, str] = field(default_factory=dict)
    organisations: dict[str, UUID] = field(default_factory=dict)
    people: dict[str, UUID] = field(default_factory=dict)

    def actor(self, name: str) -> Actor:
        """Let a person act, with the grants they hold now."""
        found = identity_queries.actor_of(self.people[name])
        assert found is not None
        return found


PLACES = (
    ("district", Level.DISTRICT, "澄湖区", None, "990101000000"),
    ("street", Level.STREET, "望荷街道", "district", "990101001000"),
    ("street2", Level.STREET, "听松街道", "district", "990101002000"),
    ("community", Level.COMMUNITY, "桂花社区", "street", "990101001001"),
    ("community2", Level.COMMUNITY, "梧桐社区", "street", "990101001002"),
    ("compound", Level.COMPOUND, "桂花苑", "community", ""),
    ("rivals", Level.COMPOUND, "银杏里", "community", ""),
    ("firmless", Level.COMPOUND, "老纺织宿舍", "community2", ""),
    ("building", Level.BUILDING, "3幢", "compound", ""),
    ("building2", Level.BUILDING, "5幢", "compound", ""),
    ("rival_building", Level.BUILDING, "1幢", "rivals", ""),
    ("old_building", Level.BUILDING, "7幢", "firmless", ""),
    ("unit", Level.UNIT, "2单元", "building", ""),
    ("home", Level.DWELLING, "301室", "unit", ""),
    ("next_door", Level.DWELLING, "302室", "unit", ""),
    ("far_home", Level.DWELLING, "101室", "rival_building", ""),
    ("old_home", Level.DWELLING, "201室", "old_building", ""),
)

ORGANISATIONS = (
    ("district_desk", OrgKind.DISTRICT, "澄湖区指挥中心", "district"),
    ("street_desk", OrgKind.STREET, "望荷街道办事处", "street"),
    ("community_desk", OrgKind.COMMUNITY, "桂花社区居委会", "community"),
    ("community2_desk", OrgKind.COMMUNITY, "梧桐社区居委会", "community2"),
    ("committee", OrgKind.OWNERS_COMMITTEE, "桂花苑业委会", "compound"),
    ("firm", OrgKind.PROPERTY_FIRM, "安居物业", None),
    ("rival_firm", OrgKind.PROPERTY_FIRM, "康泰物业", None),
    ("water", OrgKind.UTILITY, "澄湖水务", None),
)

PEOPLE = (
    ("resident", "周桂芳"),
    ("neighbour", "许连生"),
    ("stranger", "梁小满"),
    ("old_resident", "贺长庚"),
    ("head", "沈玉梅"),
    ("grid", "陶立冬"),
    ("community", "方晓云"),
    ("community2", "龚志平"),
    ("other_community", "倪秋月"),
    ("repairer", "孟铁生"),
    ("repairer2", "石大勇"),
    ("manager", "韩秀英"),
    ("rival", "曹广林"),
    ("committee_chair", "薛明德"),
    ("street", "段文华"),
    ("street2", "路遥远"),
    ("district", "柏立群"),
    ("admin", "管诚"),
)

APPOINTED = (
    ("community", Role.COMMUNITY_STAFF, "community_desk"),
    ("community2", Role.COMMUNITY_STAFF, "community_desk"),
    ("other_community", Role.COMMUNITY_STAFF, "community2_desk"),
    ("repairer", Role.REPAIRER, "firm"),
    ("repairer2", Role.REPAIRER, "firm"),
    ("manager", Role.PROPERTY_MANAGER, "firm"),
    ("rival", Role.PROPERTY_MANAGER, "rival_firm"),
    ("committee_chair", Role.COMMITTEE_CHAIR, "committee"),
    ("street", Role.STREET_STAFF, "street_desk"),
    ("street2", Role.STREET_STAFF, "street_desk"),
    ("district", Role.DISTRICT_DISPATCHER, "district_desk"),
)

HOMES = (
    ("resident", "home", BindingKind.OWNER, "community"),
    ("neighbour", "next_door", BindingKind.TENANT, "community"),
    ("stranger", "far_home", BindingKind.OWNER, "community"),
    ("old_resident", "old_home", BindingKind.OWNER, "other_community"),
)


def world(now: datetime) -> World:
    """Make the world as it has stood for sixty days at ``now``."""
    made = World()
    with clock.frozen(now - MADE_BEFORE), unit_of_work():
        catalog.load_shipped(SYSTEM)
        sla.seed_calendar(SYSTEM)
        _plant(made)
        _found(made)
        _people(made)
    with clock.frozen(now - MADE_BEFORE + timedelta(hours=1)), unit_of_work():
        for person, home, kind, verifier in HOMES:
            claim = identity.claim_dwelling(made.actor(person), made.places[home], kind)
            identity.decide_binding(made.actor(verifier), claim.id, confirmed=True)
    return made


def _plant(made: World) -> None:
    drafts = {}
    for key, level, name, parent, code in PLACES:
        mode = None
        if level is Level.COMPOUND:
            firmless = key == "firmless"
            mode = ManagementMode.NONE if firmless else ManagementMode.PROFESSIONAL
        drafts[key] = PlaceDraft(
            level,
            name,
            drafts[parent].id if parent else None,
            code=code,
            management_mode=mode,
        )
    territory_service.add_places(SYSTEM, list(drafts.values()))
    made.places = {key: draft.id for key, draft in drafts.items()}
    keys = ("compound", "building", "building2", "unit", "home", "rival_building", "old_building")
    territory_service.issue_scenes(SYSTEM, [made.places[key] for key in keys])
    scenes = territory.scene_of([made.places[key] for key in keys])
    made.scenes = {key: scenes[made.places[key]] for key in keys}


def _found(made: World) -> None:
    for key, kind, name, place in ORGANISATIONS:
        made.organisations[key] = identity.open_organisation(
            SYSTEM,
            NewOrganisation(
                kind=kind,
                name=name,
                place_id=made.places[place] if place else None,
                has_accounts=kind is not OrgKind.UTILITY,
            ),
        ).id
    for firm, compound in (("firm", "compound"), ("rival_firm", "rivals")):
        identity.open_project(
            SYSTEM,
            NewProject(
                organisation_id=made.organisations[firm],
                compound_id=made.places[compound],
                duty_phone="10010000001",
            ),
        )


def _people(made: World) -> None:
    for number, (key, name) in enumerate(PEOPLE):
        person = identity.add_person(
            SYSTEM, name=name, phone=f"100200000{number:02d}", work_number=f"{1000 + number}"
        )
        identity.link_wechat(
            SYSTEM, person.id, WechatLogin(appid=DEV_APPID, openid=f"dev-{key.replace('_', '-')}")
        )
        made.people[key] = person.id
    for key, role, organisation in APPOINTED:
        identity.appoint(SYSTEM, made.people[key], role, made.organisations[organisation])
    identity.grant(
        SYSTEM,
        NewGrant(
            person_id=made.people["head"],
            role=Role.BUILDING_HEAD,
            place_id=made.places["building"],
        ),
    )
    identity.grant(
        SYSTEM,
        NewGrant(
            person_id=made.people["grid"],
            role=Role.COMPOUND_OFFICER,
            place_id=made.places["compound"],
        ),
    )
    identity.grant(
        SYSTEM,
        NewGrant(person_id=made.people["admin"], role=Role.ADMIN, place_id=made.places["district"]),
    )
    now = clock.now()
    for order, key in enumerate(("repairer", "repairer2")):
        identity.start_shift(
            SYSTEM,
            NewShift(
                organisation_id=made.organisations["firm"],
                person_id=made.people[key],
                starts_at=now,
                order=order,
            ),
        )
