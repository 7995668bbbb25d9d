"""The command line: ``flask serve``, ``flask outbox …`` and what rooms need by hand."""

from flask import Flask

from app.cli import calendar, catalog, demo, serve
from app.cli.keys import key_commands
from app.cli.ladder import ladder_commands
from app.cli.messages import message_commands
from app.cli.outbox import outbox_commands
from app.cli.places import places_commands
from app.cli.platform import platform_commands
from app.cli.privacy import privacy_commands
from app.cli.routing import routing_commands
from app.cli.serve import serve_command
from app.cli.settings import settings_commands
from app.cli.sla import sla_commands
from app.cli.territory import territory
from app.cli.tickets import ticket_commands
from app.cli.wechat import wechat_commands

COMMANDS = (
    serve_command,
    outbox_commands,
    platform_commands,
    places_commands,
    ladder_commands,
    settings_commands,
    ticket_commands,
    key_commands,
    sla_commands,
    territory,
    catalog.commands,
    calendar.commands,
    routing_commands,
    privacy_commands,
    demo.demo_commands,
    wechat_commands,
    message_commands,
)


def register(app: Flask) -> None:
    """Put the commands on ``app``; what is served in demo mode holds the demo."""
    serve.before_serving[:] = [demo.prepare]
    for command in COMMANDS:
        app.cli.add_command(command)
