"""What the outbox does for a sheet: fetch WeChat's codes, then draw the pages.

Both run outside any unit of work and may be killed anywhere: a code that was
kept is not asked for again, a sign that was settled stays settled, and pages
are drawn anew until they are kept.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import Update, update

from app.kernel import clock, outbox
from app.kernel.db import session
from app.kernel.errors import Invalid, NotFound, Unavailable, Unsupported
from app.kernel.work import unit_of_work
from app.media import codes, decoding, pdf, signs, store
from app.media import rules as media
from app.media.child import Refused
from app.media.signs import Sign
from app.signs import address, queries, rules
from app.signs.events import CodesDue, SheetsDue
from app.signs.models import SheetSign
from app.signs.queries import Lettering
from app.signs.rules import SheetFile, SignState
from app.wechat import gateway
from app.wechat.errors import Busy, NotSetUp, QuotaReached, WechatFault

_PASSING = (Busy, QuotaReached)


class _NoCode(Exception):
    """WeChat's code is not to be had; ``again``: perhaps later."""

    def __init__(self, reason: str, *, again: bool, whole: bool = True) -> None:
        super().__init__(reason)
        self.reason = reason
        self.again = again
        self.whole = whole
        """Whether the next scene would fare alike."""


def fetch(event: CodesDue) -> None:
    """Fetch the codes of a batch that are still missing, each kept at once.

    Raises:
        Unavailable: WeChat is busy and some signs still wait; the outbox tries again.

    """
    rows = [(one.id, one.scene) for one in queries.waiting(event.job_id, event.first, event.last)]
    session.rollback()
    for index, (sign_id, scene) in enumerate(rows):
        try:
            _have_code(scene)
        except _NoCode as no:
            rest = [one for one, _ in rows[index:]] if no.whole else [sign_id]
            _settle_without(event.job_id, rest, no)
            if no.whole:
                break
        else:
            _settle(event.job_id, [sign_id], SignState.CODED)
    left = len(queries.waiting(event.job_id, event.first, event.last))
    session.rollback()
    if left:
        raise Unavailable("微信暂时没有给码，稍后再试。", code="wechat_busy")


def draw(event: SheetsDue) -> None:
    """Draw the pages of a sheet whose codes are settled, and keep them."""
    job = queries.job(event.job_id)
    done = job is None or job.drawn_at is not None or queries.counts(event.job_id).waiting
    letters = [] if done else queries.letterings(event.job_id, clock.now())
    session.rollback()
    if done:
        return
    _keep(event.job_id, letters)
    with unit_of_work():
        held = queries.hold(event.job_id)
        if held is not None and held.drawn_at is None:
            held.drawn_at = clock.now()


def _have_code(scene: str) -> None:
    """See to it that the code of a scene is kept; no transaction may be open."""
    key = _key(scene)
    if store.current().exists(key):
        return
    try:
        picture = gateway.place_code(f"s={scene}", rules.PAGE)
    except WechatFault as fault:
        raise _NoCode(_reason(fault), again=isinstance(fault, _PASSING)) from None
    try:
        made = decoding.repaint(decoding.CODES, media.sniff(picture).file_format, picture)
    except (Refused, Unsupported, Invalid):
        raise _NoCode("bad_picture", again=False, whole=False) from None
    bits = made.variants.get("bits", b"")
    if len(bits) != codes.BYTES:
        raise _NoCode("bad_picture", again=False, whole=False)
    store.current().put(key, bits)


def _key(scene: str) -> str:
    appid = gateway.appid()
    if appid is None:
        raise _NoCode("not_set_up", again=False)
    return rules.code_key(appid, gateway.version(), scene)


def _reason(fault: WechatFault) -> str:
    for kind, reason in ((NotSetUp, "not_set_up"), (Busy, "busy"), (QuotaReached, "quota_reached")):
        if isinstance(fault, kind):
            return reason
    return "refused"


def _settle_without(job_id: UUID, sign_ids: Sequence[UUID], no: _NoCode) -> None:
    """Let signs go without a code, or wait for one more try."""
    if no.again:
        with unit_of_work():
            session.execute(_still(sign_ids).values(tries=SheetSign.tries + 1))
    _settle(job_id, sign_ids, SignState.PLAIN, no.reason, tried=rules.TRIES if no.again else 0)


def _settle(
    job_id: UUID,
    sign_ids: Sequence[UUID],
    state: SignState,
    reason: str | None = None,
    *,
    tried: int = 0,
) -> None:
    """Say how far signs have come; with the last one the pages are owed.

    The sheet's row is taken first: of two batches that end together one sees the other.
    """
    with unit_of_work():
        queries.hold(job_id)
        settled = session.scalars(
            _still(sign_ids)
            .where(SheetSign.tries >= tried)
            .values(state=state, reason=reason)
            .returning(SheetSign.id)
        ).all()
        if settled and not queries.counts(job_id).waiting:
            outbox.record(SheetsDue(job_id=job_id))


def _still(sign_ids: Sequence[UUID]) -> Update:
    return (
        update(SheetSign)
        .where(SheetSign.id.in_(sign_ids), SheetSign.state == SignState.WAITING)
        .execution_options(synchronize_session=False)
    )


def _keep(job_id: UUID, letters: Sequence[Lettering]) -> None:
    """Draw each file and put it into the store."""
    for file in SheetFile:
        if file.is_picture and len(letters) == 1:
            data = signs.png(signs.draw(_sign(letters[0]), file.size))
        elif not file.is_picture and letters:
            data = pdf.write(_pages(letters, file.size))
        else:
            continue
        store.current().put(rules.file_key(job_id, file), data)


def _pages(letters: Sequence[Lettering], size: str) -> Iterator[pdf.Page]:
    for one in letters:
        yield signs.draw(_sign(one), size), signs.PAPERS[size].points


def _sign(one: Lettering) -> Sign:
    return Sign(
        name=one.name,
        scene=one.scene,
        url=address.page_of(one.scene),
        phones=one.phones,
        bits=_bits(one.scene) if one.coded else None,
    )


def _bits(scene: str) -> bytes | None:
    """Read a kept code; a sign whose code went astray is drawn without it."""
    try:
        return store.current().get(_key(scene))
    except (NotFound, _NoCode):
        return None
