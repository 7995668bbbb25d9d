"""Who may be the second person: at the desk, not the asker, not of the accused."""

from collections.abc import Collection
from uuid import UUID

from app.kernel.actor import Actor
from app.kernel.errors import Forbidden, NotFound
from app.reviews import rules
from app.reviews.models import Review


def require_decider(actor: Actor, review: Review, nodes: Collection[UUID]) -> None:
    """Refuse who may not decide this review; ``nodes`` are its desk's.

    The product itself is nobody's second person.

    Raises:
        NotFound: the actor does not sit at the desk.
        Forbidden: ``own_request``, ``involved_in_review`` or, for the system,
            ``needs_a_person``.

    """
    if actor.is_system:
        raise Forbidden("审核要由一位工作人员作出。", code="needs_a_person")
    if not rules.at_desk(actor, review.permission, nodes):
        raise NotFound
    if review.asked_by == actor.person_id:
        raise Forbidden("自己提出的申请要由另一位同事审核。", code="own_request")
    if rules.involved(actor, review.forbidden_organisations):
        raise Forbidden("您所在的单位与这件事有关，请由其他人审核。", code="involved_in_review")


def may_decide(actor: Actor, review: Review, nodes: Collection[UUID]) -> bool:
    """Tell whether ``actor`` may decide this review now."""
    try:
        require_decider(actor, review, nodes)
    except (NotFound, Forbidden):
        return False
    return review.closed_at is None
