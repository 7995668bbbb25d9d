"""The composition root: the one file that knows every door.

Importing it builds ``app`` (for the command line and tests of the whole); the
server calls :func:`serving` in its worker process, which also starts the
embedded worker when the settings ask for it.
"""

from collections.abc import Sequence

from flask import Flask

import miniprogram_api
import workers
from app import cli, rooms
from app.factory import Door, create_app
from app.kernel import work
from app.kernel.http import gate
from app.kernel.marks import let_time_move, refuse_marked_in_production
from config import Settings

DOORS: Sequence[Door] = (miniprogram_api.door, cli.register)


def build(settings: Settings) -> Flask:
    """Build the whole product."""
    made = create_app(settings, DOORS)
    rooms.furnish(settings)
    work.after_commit[:] = [workers.bell(settings)]
    return made


app = build(Settings.from_env())


def serving() -> Flask:
    """Hand ``app`` to a server; called once in each of its worker processes."""
    with app.app_context():
        refuse_marked_in_production(app.extensions["settings"])
        let_time_move(app.extensions["settings"])
    settings = app.extensions["settings"]
    gate.install(app, at_once=settings.web_at_once, max_body=settings.max_body_bytes)
    workers.start(app)
    return app
