"""A scriptable WeChat for development and tests; it refuses to be in production.

It answers what the real one answers over real HTTP: tokens that expire, codes
that work once, grants that run out, fields that are too long. ``/fake/…`` turns
the screws: make codes, allow messages, let calls fail, read what was delivered.
"""

from collections.abc import Callable

from flask import Flask

from app.kernel import clock
from app.wechat.fake import api, failing, switches
from app.wechat.fake.callbacks import Callbacks
from app.wechat.fake.state import State
from config import Settings

PUSH_PATH = "/mp/v1/wechat/push"


def make_fake(
    settings: Settings,
    *,
    push_url: str = "",
    now: Callable[[], float] = lambda: clock.now().timestamp(),
) -> Flask:
    """Build the fake for an installation; pushes go to ``push_url`` (default: its own door).

    Raises:
        ValueError: in production, or without a mini-program to play the platform for.

    """
    if settings.is_production:
        raise ValueError("the fake WeChat does not exist in production")
    if settings.wechat is None:
        raise ValueError("the fake WeChat needs the settings of a mini-program")
    door = push_url or f"http://127.0.0.1:{settings.port}{PUSH_PATH}"
    app = Flask("fake_wechat", static_folder=None, template_folder=None)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    state = State(settings.wechat, now)
    app.extensions["fake"] = state
    app.extensions["callbacks"] = Callbacks(settings.wechat, door, now)
    failing.install(app, state)
    app.register_blueprint(api.bp)
    app.register_blueprint(switches.bp)
    return app
