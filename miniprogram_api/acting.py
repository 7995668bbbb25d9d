"""How an act of staff is declared: its name, what it takes, and the ticket as it then is."""

from collections.abc import Callable
from typing import Any, TypeVar

from app.kernel.http import SIGNED_IN, Blueprint, Command
from miniprogram_api.work_views import WorkDetail

Act = TypeVar("Act", bound=Callable[..., Any])


def act(bp: Blueprint, name: str, command: type[Command]) -> Callable[[Act], Act]:
    """Declare one act: POST, signed in (the ticket decides who may), answered by the ticket."""

    def decorator(view: Act) -> Act:
        documented: Act = bp.response(200, WorkDetail)(bp.arguments(command)(view))
        bp.route(f"/<uuid:ticket_id>/{name}", methods=["POST"], access=SIGNED_IN)(documented)
        return view

    return decorator
