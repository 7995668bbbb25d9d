"""``flask wechat fake``: never in production, and gone when its parent is."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from app.cli import serve, wechat
from config import DEMO, PRODUCTION, Settings, Wechat

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def run(app, monkeypatch):
    def invoke(settings, *words):
        monkeypatch.setitem(app.extensions, "settings", settings)
        return app.test_cli_runner().invoke(wechat.wechat_commands, ["fake", *words])

    return invoke


def test_production_has_no_fake(run, settings):
    real = replace(settings, env=PRODUCTION, wechat=Wechat(appid="wx1", secret="s"))

    told = run(real)

    assert told.exit_code == 1
    assert "does not exist in production" in told.output


def test_a_taken_port_is_said_in_words(run, settings):
    demo = replace(settings, env=DEMO, wechat=Wechat(appid="dev", secret="s"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = run(demo, "--port", str(taken.getsockname()[1]))

    assert told.exit_code == 1
    assert "is taken" in told.output


def test_a_demo_says_where_the_fake_is_and_looks_at_its_port_first(settings, app, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] - 1
        demo = replace(settings, env=DEMO, port=port, wechat=Wechat(appid="dev", secret="s"))
        monkeypatch.setitem(app.extensions, "settings", demo)
        told = app.test_cli_runner().invoke(serve.serve_command)

    assert told.exit_code == 1
    assert f"127.0.0.1:{port + 1} is taken" in told.output
    assert f"http://127.0.0.1:{port + 1}/fake/outbox" in "\n".join(serve.addresses(demo))
    assert "fake" not in "\n".join(serve.addresses(settings))


def test_a_demo_keeps_the_keys_of_its_fake(tmp_path):
    told = {"SANDAN_ENV": "demo", "SANDAN_DATA": str(tmp_path), "PORT": "8123"}

    first, second = Settings.from_env(told), Settings.from_env(told)

    assert first.wechat == second.wechat
    assert first.fakes_wechat
    assert first.wechat.api_url == "http://127.0.0.1:8124/"
    assert len(first.wechat.push_key) == 43
    real = Settings.from_env({**told, "WECHAT_APPID": "wx1", "WECHAT_SECRET": "s"})
    assert (real.wechat.appid, real.fakes_wechat) == ("wx1", False)


def test_a_folder_from_before_the_fake_keeps_its_keys_and_gets_the_new_ones(tmp_path):
    told = {"SANDAN_ENV": "demo", "SANDAN_DATA": str(tmp_path)}
    old = Settings.from_env(told)
    path = tmp_path / "secrets.json"
    path.write_text(path.read_text("utf-8").replace("WECHAT_FAKE_SECRET", "FORGOTTEN"), "utf-8")

    new = Settings.from_env(told)

    assert (new.secret_key, new.field_keys) == (old.secret_key, old.field_keys)
    assert new.wechat.secret != old.wechat.secret
    assert path.stat().st_mode & 0o777 == 0o600


def is_listening(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/fake/outbox", timeout=2):
            return True
    except OSError:
        return False


def wait_until(port: int, listening: bool) -> None:
    for _ in range(600):
        if is_listening(port) is listening:
            return
        time.sleep(0.1)
    raise AssertionError(f"the fake should {'' if listening else 'not '}be there")


PARENT = """
import os, subprocess, sys
from app.cli.serve import fake_command
subprocess.Popen([*fake_command(os.getpid()), "--port", sys.argv[1]])
sys.stdin.read()
"""


@pytest.mark.slow
def test_the_fake_serves_this_machine_and_ends_with_its_parent(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "SANDAN_ENV": "demo", "SANDAN_DATA": str(tmp_path)}

    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(port)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
    ) as parent:
        try:
            wait_until(port, listening=True)
        finally:
            parent.kill()
    wait_until(port, listening=False)
