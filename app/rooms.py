"""Every room's models, imported so that the metadata is whole, and what rooms are handed."""

from app.catalog import models as catalog
from app.escalation import exchange
from app.escalation import models as escalation
from app.identity import models as identity
from app.kernel import audit, idempotency, marks, outbox, stamps
from app.kernel.storage import FolderStorage
from app.media import models as media
from app.media import store
from app.moderation import models as moderation
from app.moderation import service as looking
from app.notifications import channels
from app.notifications import models as notifications
from app.notifications.channels import outfits
from app.privacy import models as privacy
from app.ratings import models as ratings
from app.reviews import models as reviews
from app.routing import models as routing
from app.signs import address
from app.signs import models as signs
from app.sla import models as sla
from app.slips import models as slips
from app.sms import gateway as texts
from app.sms import models as sms
from app.territory import models as territory
from app.tickets import models as tickets
from app.wechat import gateway, pushes
from app.wechat import models as wechat
from config import Settings

MEDIA_CHECK_PATH = "/mp/v1/media_check/"
"""The phone door's route (miniprogram_api.media), which no room can import."""

MODELS = (
    audit,
    idempotency,
    marks,
    outbox,
    stamps,
    wechat,
    territory,
    sms,
    identity,
    media,
    catalog,
    signs,
    routing,
    sla,
    reviews,
    tickets,
    escalation,
    ratings,
    slips,
    privacy,
    notifications,
    moderation,
)


def furnish(settings: Settings) -> None:
    """Hand the rooms what they keep files in and talk to the outside with.

    Whoever composes a process (the web, a worker) calls it once.
    """
    store.install(FolderStorage(settings.media_dir))
    gateway.install(gateway.for_settings(settings))
    texts.install(texts.for_settings(settings))
    pushes.install(settings.wechat)
    channels.install(outfits.for_settings(settings))
    exchange.install(settings.platform)
    looking.install(_media_address(settings))
    address.install(address.for_settings(settings))


def _media_address(settings: Settings) -> str:
    """Name where WeChat fetches what it is to look at: in public, or beside the fake."""
    here = f"http://127.0.0.1:{settings.port}" if settings.fakes_wechat else ""
    address = settings.public_url or here
    return f"{address.rstrip('/')}{MEDIA_CHECK_PATH}" if address else ""
