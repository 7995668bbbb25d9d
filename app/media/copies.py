"""Showing one picture in several places: apart, because nothing is taken in here."""

import secrets
from uuid import UUID

from app.kernel import clock
from app.kernel.actor import Actor
from app.kernel.db import session
from app.kernel.errors import Forbidden, NotFound
from app.kernel.ids import new_id
from app.media import rules, store
from app.media.models import Media


def copy(actor: Actor, shown: Media, owner_id: UUID) -> Media:
    """Give a person an upload of their own that shows what ``shown`` does.

    For what the product itself tells (the demo): nothing is decoded and no quota
    counts. The files come before the row, as when they are taken in.

    Raises:
        Forbidden: only the system does this.
        NotFound: taken away.
        Unavailable: ``storage_unavailable``.

    """
    if not actor.is_system:
        raise Forbidden
    if shown.gone_at is not None:
        raise NotFound
    made = Media(
        id=new_id(),
        owner_id=owner_id,
        kind=shown.kind,
        stem=secrets.token_hex(16),
        sha256=shown.sha256,
        size=shown.size,
        width=shown.width,
        height=shown.height,
        seconds=shown.seconds,
        created_at=clock.now(),
    )
    store.copy(shown.stem, made.stem, rules.VARIANTS[shown.kind])
    session.add(made)
    return made
