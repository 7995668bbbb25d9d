"""Homes: claimed by the resident, decided by the community, ended by either."""

from uuid import UUID

from app.identity import access, queries, rules
from app.identity.events import BindingClaimed, BindingDecided
from app.identity.models import DwellingBinding
from app.identity.queries import persons
from app.identity.rules import BindingKind, BindingStatus
from app.kernel import audit, clock, ids, outbox
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Conflict, Invalid, RuleBroken, Unauthenticated
from app.territory import access as territory_access
from app.territory import queries as territory

LONGEST_WORDS = 500


def claim_dwelling(actor: Actor, place_id: UUID, kind: BindingKind) -> DwellingBinding:
    """Say that one lives in or owns a dwelling, or lives in a building.

    Raises:
        Unauthenticated: nobody acts.
        NotFound: no such place.
        Invalid: the place is no dwelling and no building (``not_a_dwelling``).
        Conflict: claimed or confirmed already (``already_claimed``).
        RuleBroken: too many claims are waiting (``too_many_claims``).

    """
    if actor.person_id is None:
        raise Unauthenticated
    place = territory.place(place_id)
    if place.level.value not in rules.HOME_LEVELS:
        raise Invalid("请选择具体的楼栋或房屋。", code="not_a_dwelling")
    # The person's row is held, so that two claims at once stand in line.
    queries.person(actor.person_id, hold=True)
    standing = persons.open_bindings(actor.person_id)
    if any(one.place_id == place_id for one in standing):
        raise Conflict("您已经申请过这个住址。", code="already_claimed")
    waiting = sum(one.status is BindingStatus.CLAIMED for one in standing)
    if waiting >= rules.OPEN_CLAIMS:
        raise RuleBroken("待社区确认的住址太多，请等确认后再添加。", code="too_many_claims")
    binding = DwellingBinding(
        id=ids.new_id(),
        person_id=actor.person_id,
        place_id=place_id,
        kind=kind,
        status=BindingStatus.CLAIMED,
        claimed_at=clock.now(),
        words="",
    )
    session.add(binding)
    session.flush()
    outbox.record(
        BindingClaimed(binding_id=binding.id, person_id=actor.person_id, place_id=place_id)
    )
    return binding


def decide_binding(
    actor: Actor, binding_id: UUID, *, confirmed: bool, words: str = ""
) -> DwellingBinding:
    """Confirm or refuse a claimed dwelling, for the community it lies in.

    Raises:
        NotFound: no such claim, or not one this actor verifies.
        Forbidden: one's own (``not_to_oneself``).
        Conflict: decided or ended already (``binding_decided``).
        Invalid: refused without words, or too many (``words_needed``).

    """
    binding = persons.held_binding(binding_id)
    place = territory.place(binding.place_id)
    access.require_verifier(actor, territory_access.nodes_of(place))
    access.require_not_oneself(actor, binding.person_id)
    if binding.status is not BindingStatus.CLAIMED:
        raise Conflict("这个申请已经处理过。", code="binding_decided")
    said = words.strip()
    if len(said) > LONGEST_WORDS or (not confirmed and not said):
        raise Invalid("不通过时请写明原因，最多 500 字。", code="words_needed")
    at = clock.now()
    binding.status = BindingStatus.CONFIRMED if confirmed else BindingStatus.REJECTED
    binding.decided_at, binding.decided_by_id, binding.words = at, actor.person_id, said
    binding.ended_at = None if confirmed else at
    session.flush()
    audit.record(actor, "binding.decided", "dwelling_binding", binding_id, confirmed=confirmed)
    outbox.record(
        BindingDecided(
            binding_id=binding_id,
            person_id=binding.person_id,
            place_id=binding.place_id,
            confirmed=confirmed,
        )
    )
    return binding


def end_binding(actor: Actor, binding_id: UUID) -> DwellingBinding:
    """End a claim or a confirmed dwelling: one's own, or where one verifies.

    Raises:
        NotFound: no such binding, or neither one's own nor where one verifies.
        Conflict: it has ended.

    """
    binding = persons.held_binding(binding_id)
    if actor.person_id is None or binding.person_id != actor.person_id:
        place = territory.places([binding.place_id])[binding.place_id]
        access.require_verifier(actor, territory_access.nodes_of(place))
    if binding.ended_at is not None:
        raise Conflict("这个住址已经解除。", code="already_ended")
    binding.status, binding.ended_at = BindingStatus.ENDED, clock.now()
    session.flush()
    audit.record(actor, "binding.ended", "dwelling_binding", binding_id)
    return binding
