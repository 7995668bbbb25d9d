"""Reading the demo back: who may log in, and what it all amounts to."""

import hashlib
import json
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select

from app.demo.layout import DATA
from app.identity import queries as identity
from app.identity.models import WechatIdentity
from app.identity.rules import Role
from app.kernel import crypto
from app.kernel.db import session
from app.ratings.models import Rating
from app.territory import queries as territory
from app.tickets.models import Follower, Step, Ticket, Verdict
from app.tickets.states import State
from app.wechat.gateway import DEV_APPID

ROLE_NAMES = {
    Role.BUILDING_HEAD: "楼栋长",
    Role.GRID_WORKER: "网格员",
    Role.GRID_LEADER: "网格长",
    Role.COMPOUND_OFFICER: "小区专员",
    Role.COMMUNITY_STAFF: "社区工作人员",
    Role.COMMUNITY_SECRETARY: "社区书记",
    Role.STREET_STAFF: "街道工作人员",
    Role.DISTRICT_DISPATCHER: "区中心派单员",
    Role.REPAIRER: "维修师傅",
    Role.PROPERTY_CLERK: "物业客服",
    Role.PROPERTY_MANAGER: "物业经理",
    Role.COMMITTEE_MEMBER: "业委会委员",
    Role.COMMITTEE_CHAIR: "业委会主任",
    Role.VOLUNTEER: "志愿者",
    Role.AUDITOR: "审计员",
    Role.ADMIN: "系统管理员",
}


@dataclass(frozen=True, slots=True)
class Account:
    """A demo log-in: its code, who that is, what they do and where they live."""

    code: str
    name: str
    roles: tuple[str, ...]
    works_for: tuple[str, ...]
    home: str
    scene: str
    """The QR scene of the building they live in; empty without a home."""


def accounts() -> list[Account]:
    """List the demo log-ins in the order of the district's own list; empty without a demo."""
    listed = json.loads((DATA / "logins.json").read_text(encoding="utf-8"))
    return [found for login in listed if (found := _account(login["code"])) is not None]


def joined() -> list[UUID]:
    """List the tickets that neighbours read too."""
    return list(session.scalars(select(Follower.ticket_id).distinct().order_by(Follower.ticket_id)))


def _account(code: str) -> Account | None:
    person_id = session.scalar(
        select(WechatIdentity.person_id).where(
            WechatIdentity.appid == DEV_APPID,
            WechatIdentity.openid_index == crypto.blind_index("openid", code),
        )
    )
    actor = identity.actor_of(person_id) if person_id else None
    if actor is None or actor.person_id is None:
        return None
    homes = identity.homes(actor.person_id)
    scenes = territory.scene_of([home.place_id for home in homes])
    names = identity.organisation_names(sorted(actor.organisation_ids))
    return Account(
        code=code,
        name=actor.name,
        roles=tuple(ROLE_NAMES[Role(role)] for role in actor.roles) or ("居民",),
        works_for=tuple(names.values()),
        home=homes[0].label if homes else "",
        scene=scenes.get(homes[0].place_id, "") if homes else "",
    )


def states() -> dict[State, int]:
    """Count the tickets by state."""
    query = select(Ticket.state, func.count()).group_by(Ticket.state)
    return dict(session.execute(query).all())


def digest() -> str:
    """Fold who reported what, how it went and what was thought of it into one word.

    Numbers and tokens are random and stay out, and so do ids; two demos of one seed
    and one moment have the same digest.
    """
    lines = [
        "|".join(map(str, row))
        for query in (
            select(
                Ticket.submitted_at,
                Ticket.category_code,
                Ticket.state,
                Ticket.close_reason,
                Ticket.closed_at,
                Ticket.public_label,
                Ticket.reworks,
                Ticket.returns,
                Ticket.nudges,
                Ticket.followers,
                Ticket.chain_length,
                Ticket.next_due_at,
            ),
            select(Step.at, Step.action, Step.relation, Step.public),
            select(Verdict.at, Verdict.solved, Verdict.channel, Verdict.decisive),
            select(Rating.at, Rating.satisfaction, Rating.channel),
        )
        for row in session.execute(query)
    ]
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()[:16]
