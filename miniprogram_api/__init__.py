"""The JSON door of the phone client: residents, grid workers, property, community."""

from flask import Flask

from app.kernel.http import make_api
from miniprogram_api import (
    account,
    categories,
    clock_acts,
    counts,
    demo_texts,
    desk_acts,
    handler_acts,
    inbox,
    me,
    media,
    moderation,
    places,
    platform,
    privacy,
    session,
    signs,
    slip,
    staff,
    tickets,
    wechat_push,
    work,
)

PREFIX = "/mp/v1"

BLUEPRINTS = (
    session.bp,
    me.bp,
    account.bp,
    staff.bp,
    privacy.bp,
    inbox.bp,
    categories.bp,
    places.bp,
    signs.bp,
    media.bp,
    media.looked_at_by_wechat,
    tickets.bp,
    slip.bp,
    slip.writing,
    work.bp,
    handler_acts.bp,
    desk_acts.bp,
    clock_acts.bp,
    inbox.work,
    moderation.bp,
    counts.bp,
    demo_texts.bp,
    platform.bp,
    wechat_push.bp,
)


def door(app: Flask) -> None:
    """Open the door on ``app``, with its OpenAPI page at /mp/v1/docs."""
    api = make_api(app, title="三单 Sandan", version="v1", prefix=PREFIX)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint, url_prefix=PREFIX + (blueprint.url_prefix or ""))
