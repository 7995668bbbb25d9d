"""The verbs of moderation: open looks, ask, hear, decide."""

from app.moderation.service.asking import TIMEOUT_S, ask, install, owe_again
from app.moderation.service.deciding import decide
from app.moderation.service.letting import let_through
from app.moderation.service.opening import look_at_step, may_carry, on_moved
from app.moderation.service.verdicts import TooEarly, on_media_checked

__all__ = [
    "TIMEOUT_S",
    "TooEarly",
    "ask",
    "decide",
    "install",
    "let_through",
    "look_at_step",
    "may_carry",
    "on_media_checked",
    "on_moved",
    "owe_again",
]
