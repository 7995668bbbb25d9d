"""The verbs of news: hear, send, grant, choose, read."""

from app.notifications.service.choosing import (
    TemplateDraft,
    read,
    set_preferences,
    set_template,
)
from app.notifications.service.delivering import FORGOTTEN_AFTER, TIMEOUT_S, deliver, owe_again
from app.notifications.service.digests import DAILY, WEEKLY, readers, tell_digest
from app.notifications.service.forgetting import forget
from app.notifications.service.granting import (
    note_subscription,
    on_push_change,
    on_push_popup,
)
from app.notifications.service.grouping import is_emergency, on_emergency, say, tell_group
from app.notifications.service.hearing import (
    NotSettledYet,
    on_message_ended,
    on_subscription_answered,
    on_user_wrote,
)
from app.notifications.service.importing import ImportReport, import_templates
from app.notifications.service.keeping import KEPT, forget_messages
from app.notifications.service.listening import (
    is_news,
    on_binding_decided,
    on_climb_blocked,
    on_duty_called,
    on_escalated,
    on_restricted,
    on_ticket_moved,
)

__all__ = [
    "DAILY",
    "FORGOTTEN_AFTER",
    "KEPT",
    "TIMEOUT_S",
    "WEEKLY",
    "ImportReport",
    "NotSettledYet",
    "TemplateDraft",
    "deliver",
    "forget",
    "forget_messages",
    "import_templates",
    "is_emergency",
    "is_news",
    "note_subscription",
    "on_binding_decided",
    "on_climb_blocked",
    "on_duty_called",
    "on_emergency",
    "on_escalated",
    "on_message_ended",
    "on_push_change",
    "on_push_popup",
    "on_restricted",
    "on_subscription_answered",
    "on_ticket_moved",
    "on_user_wrote",
    "owe_again",
    "read",
    "readers",
    "say",
    "set_preferences",
    "set_template",
    "tell_digest",
    "tell_group",
]
