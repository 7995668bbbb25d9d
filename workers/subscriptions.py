"""Who hears what: the one place that wires events to listeners.

One line per (event, listener). A listener's name is what its deliveries are
known by in the database: once in use it is never reworded.
"""

from app.catalog.events import PolicyChanged
from app.escalation import service as escalation
from app.escalation.events import (
    ClimbBlocked,
    DutyCalled,
    LadderChanged,
    PackageDue,
    TicketEscalated,
)
from app.escalation.rules import FIRST_WAIT_S, MAX_TRIES
from app.identity.events import BindingDecided, PersonRestricted
from app.kernel.outbox import Lane, Listener, Listeners, Subscription, listen
from app.moderation import service as moderation
from app.moderation.events import CheckDue
from app.notifications import service as news
from app.notifications.events import GroupNews, MessageDue
from app.privacy import service as privacy
from app.signs import service as signs
from app.signs.events import CodesDue, SheetsDue
from app.sla.events import CalendarChanged
from app.tickets import service as tickets
from app.tickets.events import TicketMoved
from app.wechat.events import (
    WechatDeauthorised,
    WechatMediaChecked,
    WechatSubscriptionAnswered,
    WechatSubscriptionSent,
    WechatUserWrote,
)
from workers import jobs

TICKETS: tuple[Subscription, ...] = (
    (
        TicketMoved,
        Listener(name="tickets.close_along", handle=tickets.close_along, wants=tickets.is_end),
    ),
)
MEDIA: tuple[Subscription, ...] = ()
ESCALATION: tuple[Subscription, ...] = (
    (
        TicketMoved,
        Listener(
            name="escalation.on_reported",
            handle=escalation.on_reported,
            wants=escalation.is_urgent_report,
        ),
    ),
    (
        PackageDue,
        Listener(
            name="escalation.deliver_package",
            handle=escalation.deliver,
            work=False,
            queue=Lane.LONG,
            timeout_s=60,
            max_attempts=MAX_TRIES,
            first_wait_s=FIRST_WAIT_S,
        ),
    ),
    *(
        (
            event,
            Listener(
                name="escalation.recount_open",
                handle=jobs.recount_open,
                work=False,
                queue=Lane.LONG,
                timeout_s=1800,
            ),
        )
        for event in (CalendarChanged, PolicyChanged, LadderChanged)
    ),
)
SIGNS: tuple[Subscription, ...] = (
    (
        CodesDue,
        Listener(
            name="signs.fetch", handle=signs.fetch, work=False, queue=Lane.LONG, timeout_s=300
        ),
    ),
    (
        SheetsDue,
        Listener(name="signs.draw", handle=signs.draw, work=False, queue=Lane.LONG, timeout_s=900),
    ),
)
ROUTING: tuple[Subscription, ...] = ()
NOTIFICATIONS: tuple[Subscription, ...] = (
    (
        TicketMoved,
        Listener(name="notifications.on_moved", handle=news.on_ticket_moved, wants=news.is_news),
    ),
    (TicketEscalated, Listener(name="notifications.on_escalated", handle=news.on_escalated)),
    (ClimbBlocked, Listener(name="notifications.on_blocked", handle=news.on_climb_blocked)),
    (DutyCalled, Listener(name="notifications.on_duty", handle=news.on_duty_called)),
    (BindingDecided, Listener(name="notifications.on_binding", handle=news.on_binding_decided)),
    (PersonRestricted, Listener(name="notifications.on_restricted", handle=news.on_restricted)),
    (
        TicketMoved,
        Listener(
            name="notifications.on_emergency", handle=news.on_emergency, wants=news.is_emergency
        ),
    ),
    (GroupNews, Listener(name="notifications.say", handle=news.say, work=False)),
    (
        MessageDue,
        Listener(
            name="notifications.deliver", handle=news.deliver, work=False, timeout_s=news.TIMEOUT_S
        ),
    ),
)

WECHAT: tuple[Subscription, ...] = (
    (
        WechatSubscriptionAnswered,
        Listener(name="notifications.on_answered", handle=news.on_subscription_answered),
    ),
    (
        WechatSubscriptionSent,
        Listener(name="notifications.on_ended", handle=news.on_message_ended),
    ),
    (WechatUserWrote, Listener(name="notifications.on_wrote", handle=news.on_user_wrote)),
    (WechatDeauthorised, Listener(name="privacy.on_deauthorised", handle=privacy.on_deauthorised)),
)

MODERATION: tuple[Subscription, ...] = (
    (
        TicketMoved,
        Listener(
            name="moderation.on_moved", handle=moderation.on_moved, wants=moderation.may_carry
        ),
    ),
    (
        CheckDue,
        Listener(
            name="moderation.ask",
            handle=moderation.ask,
            work=False,
            timeout_s=moderation.TIMEOUT_S,
        ),
    ),
    (
        WechatMediaChecked,
        Listener(name="moderation.on_checked", handle=moderation.on_media_checked),
    ),
)

LISTENERS: Listeners = listen(
    (*TICKETS, *ESCALATION, *MEDIA, *ROUTING, *NOTIFICATIONS, *WECHAT, *MODERATION, *SIGNS)
)
