"""What WeChat says later of a photo or a voice note."""

import structlog

from app.moderation import queries, rules
from app.moderation.rules import Source, State
from app.moderation.service.asking import conclude
from app.wechat.events import WechatMediaChecked

_log = structlog.get_logger("sandan.moderation")


class TooEarly(Exception):
    """The verdict came before we wrote down what we had asked: ask again shortly."""


def on_media_checked(event: WechatMediaChecked) -> None:
    """Write the verdict to the look that waits for it; what WeChat could not see is held.

    Raises:
        TooEarly: it may be of a question that is still in our hands.

    """
    check_id = queries.by_trace(event.trace_id)
    if check_id is None:
        if queries.has_unnamed():
            raise TooEarly
        # asked again meanwhile, decided by a person, or never ours
        _log.info("verdict_of_nothing")
        return
    row = queries.held(check_id)
    if row.state is not State.ASKED or row.trace_id != event.trace_id:
        return
    if event.failed:
        row.state, row.why, row.source = State.HELD, "unseen", Source.WECHAT
        return
    conclude(row, rules.suggested(event.suggest), event.label, Source.WECHAT)
