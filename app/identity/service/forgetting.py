"""Forgetting a person: nothing is left that says who they were."""

from uuid import UUID

from sqlalchemy import delete, update

from app.identity import queries
from app.identity.models import DwellingBinding, Restriction, WechatIdentity
from app.identity.rules import BindingStatus
from app.identity.service.sessions import end_all
from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import session


def forget(actor: Actor, person_id: UUID) -> None:
    """Take name, phone, WeChat and log-ins away; the row stays, so that numbers do."""
    person = queries.person(person_id, hold=True)
    at = clock.now()
    person.name = person.name_index = person.phone = person.phone_index = None
    person.work_number, person.phone_proven_at = None, None
    person.deactivated_at = person.deactivated_at or at
    person.erased_at = at
    end_all(actor, person_id)
    session.execute(delete(WechatIdentity).where(WechatIdentity.person_id == person_id))
    session.execute(
        update(DwellingBinding)
        .where(DwellingBinding.person_id == person_id)
        .values(ended_at=at, status=BindingStatus.ENDED, words="")
    )
    session.execute(
        update(Restriction)
        .where(Restriction.person_id == person_id, Restriction.appeal.is_not(None))
        .values(appeal="")
    )
    session.flush()
