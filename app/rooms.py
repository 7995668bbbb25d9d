"""Every room's models, imported so that the metadata is whole."""

from app.catalog import models as catalog
from app.identity import models as identity
from app.kernel import audit, idempotency, marks, outbox, stamps
from app.media import models as media
from app.ratings import models as ratings
from app.reviews import models as reviews
from app.routing import models as routing
from app.sla import models as sla
from app.territory import models as territory
from app.tickets import models as tickets

MODELS = (
    audit,
    idempotency,
    marks,
    outbox,
    stamps,
    territory,
    identity,
    media,
    catalog,
    routing,
    sla,
    reviews,
    tickets,
    ratings,
)
