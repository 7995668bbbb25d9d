"""Reading for news: who is concerned, how they are reached, what was told, what is allowed."""

from app.notifications.queries.grants import balances
from app.notifications.queries.messages import (
    Told,
    deliveries_of,
    forgotten,
    inbox,
    oldest,
    paused,
    standing,
    unread,
)
from app.notifications.queries.own import personal
from app.notifications.queries.people import (
    Occasion,
    digest_readers,
    may_still_hear,
    recipients,
    step_of,
)
from app.notifications.queries.reach import person_of_openid, reaches, wish_of, wishes
from app.notifications.queries.templates import asks, in_force, known_template, row_for, wording_for

__all__ = [
    "Occasion",
    "Told",
    "asks",
    "balances",
    "deliveries_of",
    "digest_readers",
    "forgotten",
    "in_force",
    "inbox",
    "known_template",
    "may_still_hear",
    "oldest",
    "paused",
    "person_of_openid",
    "personal",
    "reaches",
    "recipients",
    "row_for",
    "standing",
    "step_of",
    "unread",
    "wish_of",
    "wishes",
    "wording_for",
]
