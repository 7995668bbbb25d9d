"""``flask platform`` from the command line."""

import pytest

from app.cli.platform import platform_commands
from app.escalation import queries
from app.escalation.rules import Delivery
from tests.app.escalation.test_platform import at_district, deliver
from tests.make import platform


@pytest.fixture
def run(world, bare_app):
    def invoke(*words):
        return bare_app.test_cli_runner().invoke(platform_commands, list(words))

    return invoke


def test_what_waits_and_what_was_delivered_is_listed(world, run):
    _, waiting = at_district(world)
    _, sent = at_district(world, by="neighbour")
    deliver(waiting)
    with platform.standing():
        deliver(sent)

    told, alone = run("list"), run("list", "--state", "waiting")

    assert f"{waiting}" in told.output
    assert "not_configured" in told.output
    assert "QP-2026-0001" in told.output
    assert "2 packages" in told.output
    assert ("1 packages" in alone.output, f"{sent}" in alone.output) == (True, False)


def test_a_refused_package_is_sent_again_and_an_unknown_one_is_told(world, run):
    ticket_id, package_id = at_district(world)
    with platform.standing(status=400):
        deliver(package_id)

    told = run("resend", str(package_id))
    unknown = run("resend", str(ticket_id))

    assert (told.exit_code, unknown.exit_code) == (0, 1)
    assert queries.hold_package(package_id).state is Delivery.WAITING
