"""Who may change the rules: who holds the right where the rule reaches."""

from collections.abc import Collection
from uuid import UUID

from app.kernel.actor import Actor, Permission
from app.kernel.errors import Forbidden


def require_edit(actor: Actor, nodes: Collection[UUID]) -> None:
    """Let pass who may edit rules at one of ``nodes``: a rule's node and all above it.

    Raises:
        Forbidden: the actor may not (code ``not_your_rules``).

    """
    if not actor.may(Permission.ROUTING_EDIT, nodes=nodes):
        raise Forbidden("您不能修改这里的派单规则。", code="not_your_rules")
