"""Links by which WeChat fetches one file to look at it: signed, for a while, without a log-in."""

from app.kernel import crypto
from app.media import queries, rules, store
from app.media.models import Media
from app.media.service import Opened, expired

PURPOSE = "media_check"
GOOD_FOR_S = 90 * 60
"""WeChat answers within half an hour; the rest is for asking again."""


def link(media: Media) -> str:
    """Sign a link to the whole photo or voice note; it opens for whoever has it."""
    return crypto.sign_token(PURPOSE, [media.id.hex, rules.VARIANTS[media.kind][0]])


def open_link(token: str) -> Opened:
    """Open what :func:`link` made.

    Raises:
        NotFound: forged, too old, or taken away (code ``link_expired``).
        Unavailable: the storage does not answer.

    """
    said = rules.read_check_link(crypto.read_token(PURPOSE, token, max_age=GOOD_FOR_S))
    media = queries.live(said[0]) if said else None
    if said is None or media is None or said[1] not in rules.VARIANTS[media.kind]:
        raise expired()
    return Opened(rules.CONTENT_TYPES[said[1]], store.get(media.stem, said[1]))
