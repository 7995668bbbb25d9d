"""Where people can be reached, and how they wish to be."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select

from app.identity.models import Person, WechatIdentity
from app.kernel.db import session
from app.notifications import channels
from app.notifications.channels import Reach
from app.notifications.models import Preference
from app.notifications.rules.ways import Quiet, Way, Wish


def reaches(staff: Collection[UUID], others: Collection[UUID] = ()) -> dict[UUID, Reach]:
    """Tell where people who are still here can be reached; ``staff`` also in 企业微信."""
    asked = {*staff, *others}
    people = session.execute(
        select(Person.id, Person.phone, Person.work_number).where(
            Person.id.in_(asked), Person.deactivated_at.is_(None)
        )
    ).all()
    linked = session.execute(
        select(WechatIdentity.person_id, WechatIdentity.openid)
        .where(
            WechatIdentity.person_id.in_(asked),
            WechatIdentity.appid == channels.current().appid,
        )
        .order_by(WechatIdentity.linked_at, WechatIdentity.id)
    )
    openids = {person_id: openid for person_id, openid in linked}  # noqa: C416
    return {
        person_id: Reach(
            openid=openids.get(person_id, ""),
            phone=phone or "",
            account=work_number or "",
            is_staff=person_id in staff,
        )
        for person_id, phone, work_number in people
    }


def wishes(person_ids: Collection[UUID]) -> dict[UUID, Wish]:
    """Read how people wish to be told; who has chosen nothing is not in it."""
    rows = session.scalars(select(Preference).where(Preference.person_id.in_(set(person_ids))))
    return {row.person_id: _wish(row) for row in rows}


def wish_of(person_id: UUID) -> Wish:
    """Read how one person wishes to be told."""
    return wishes([person_id]).get(person_id, Wish())


def person_of_openid(openid_index: str) -> UUID | None:
    """Find whose openid of our mini-program this is, by its blind index."""
    return session.scalar(
        select(WechatIdentity.person_id).where(
            WechatIdentity.appid == channels.current().appid,
            WechatIdentity.openid_index == openid_index,
        )
    )


def _wish(row: Preference) -> Wish:
    return Wish(
        ways=tuple(Way(one) for one in row.ways),
        quiet=Quiet.parse(row.quiet_from, row.quiet_to),
        digest=row.digest,
    )
