"""Who hears what: the one place that wires events to listeners.

One line per (event, listener). A listener's name is what its deliveries are
known by in the database: once in use it is never reworded.
"""

from app.catalog.events import PolicyChanged
from app.escalation import service as escalation
from app.kernel.outbox import Lane, Listener, Listeners, Subscription, listen
from app.sla.events import CalendarChanged
from app.tickets import service as tickets
from app.tickets.events import TicketMoved
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
        for event in (CalendarChanged, PolicyChanged)
    ),
)
ROUTING: tuple[Subscription, ...] = ()

LISTENERS: Listeners = listen((*TICKETS, *ESCALATION, *MEDIA, *ROUTING))
