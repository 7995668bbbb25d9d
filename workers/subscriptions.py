"""Who hears what: the one place that wires events to listeners.

One line per (event, listener). A listener's name is what its deliveries are
known by in the database: once in use it is never reworded.
"""

from app.kernel.outbox import Listener, Listeners, Subscription, listen
from app.tickets import service as tickets
from app.tickets.events import TicketMoved

TICKETS: tuple[Subscription, ...] = (
    (
        TicketMoved,
        Listener(name="tickets.close_along", handle=tickets.close_along, wants=tickets.is_end),
    ),
)
MEDIA: tuple[Subscription, ...] = ()
ROUTING: tuple[Subscription, ...] = ()

LISTENERS: Listeners = listen((*TICKETS, *MEDIA, *ROUTING))
