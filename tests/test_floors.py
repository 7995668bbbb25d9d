"""The floor rule of docs/architecture.md, held by reading every import."""

from pathlib import Path

import pytest

from tests import floors

ROOT = Path(__file__).resolve().parent.parent

HOUSE = {
    "config.py": "",
    "wsgi.py": "from app.factory import create_app\nfrom miniprogram_api import register\n",
    "app/__init__.py": "",
    "app/factory.py": "from flask import Flask\n\nfrom app.kernel import db\n",
    "app/rooms.py": "from app.territory import models\nfrom app.tickets import models as tickets\n",
    "app/kernel/__init__.py": "",
    "app/kernel/db.py": "from flask_sqlalchemy import SQLAlchemy\n",
    "app/kernel/http.py": "import flask\nimport flask_smorest\n",
    "app/territory/__init__.py": "",
    "app/territory/models.py": "from app.kernel import db\n",
    "app/territory/queries.py": "from app.territory import models\n",
    "app/identity/queries.py": "from app.territory.models import Place\n",
    "app/identity/service.py": (
        "from typing import TYPE_CHECKING\n\nfrom app.territory import queries\n\n"
        "if TYPE_CHECKING:\n    from app.territory.models import Place\n"
    ),
    "app/media/decode.py": "from PIL import Image\nimport av\n",
    "app/routing/rules.py": "from app.catalog import rules\n",
    "app/tickets/models.py": "",
    "app/tickets/service.py": "from app.routing import service as routing\n",
    "app/cli/__init__.py": "import click\n\nfrom app.tickets import service\n",
    "miniprogram_api/__init__.py": "from app.tickets import service\n",
    "workers/__init__.py": "import rq\n",
}
"""A small house in order; each control below breaks it in one place."""


def test_the_house_keeps_its_plan():
    broken = floors.findings(ROOT)

    assert not broken, "\n" + "\n".join(map(str, broken))


def test_every_room_stands_on_one_floor_only():
    rooms = [room for tenants in floors.FLOORS.values() for room in tenants]

    assert len(rooms) == len(set(rooms))


def test_the_exceptions_are_empty():
    assert not floors.LONG_FILES
    assert not floors.LONG_FUNCTIONS
    assert not floors.DYNAMIC_IMPORTS


def test_a_house_in_order_has_no_finding(tmp_path):
    build(tmp_path)

    assert floors.findings(tmp_path) == []


SEEDED = [
    ("upward", "app/kernel/work.py", "from app.tickets import service\n"),
    ("upward", "app/routing/service.py", "import app.tickets.service\n"),
    ("upward", "app/routing/service.py", "from app import tickets\n"),
    ("upward", "app/routing/service.py", "from ..tickets import service\n"),
    ("upward", "app/tickets/queries.py", "from app.ratings.models import Rating\n"),
    ("upward", "app/tickets/service.py", "from app.rooms import MODELS\n"),
    ("upward", "app/demo/loader.py", "import workers\n"),
    ("upward", "workers/__init__.py", "from wsgi import app\n"),
    ("upward", "config.py", "from app.kernel import clock\n"),
    ("upward", "app/__init__.py", "from app.kernel import clock\n"),
    (
        "upward",
        "app/sla/rules.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from app.tickets import events\n",
    ),
    ("sideways", "app/routing/service.py", "from app.sla import service\n"),
    ("sideways", "app/reviews/service.py", "from app.routing.rules import choose\n"),
    ("sideways", "workers/jobs.py", "from miniprogram_api import work\n"),
    ("sideways", "app/console/__init__.py", "from miniprogram_api.tickets import View\n"),
    ("inner import", "app/tickets/service.py", "def f():\n    from app.sla import service\n"),
    ("inner import", "app/tickets/service.py", "async def f():\n    import json\n"),
    (
        "inner import",
        "app/tickets/service.py",
        "def f():\n    if True:\n        import json\n",
    ),
    (
        "conditional import",
        "app/sla/rules.py",
        "try:\n    import json\nexcept ImportError:\n    1\n",
    ),
    ("conditional import", "app/sla/rules.py", "import os\nif os.sep:\n    import json\n"),
    (
        "conditional import",
        "app/sla/rules.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    1\nelse:\n    import json\n",
    ),
    ("conditional import", "app/sla/rules.py", "class A:\n    import json\n"),
    ("dynamic import", "app/sla/rules.py", "import importlib\nimportlib.import_module('json')\n"),
    ("foreign models", "app/tickets/service.py", "from app.sla.models import SlaClock\n"),
    ("foreign models", "app/tickets/service.py", "from app.sla import models\n"),
    ("foreign models", "app/tickets/rules.py", "import app.territory.models\n"),
    ("foreign models", "miniprogram_api/work.py", "from app.tickets.models import Ticket\n"),
    ("fence", "app/tickets/service.py", "from flask import request\n"),
    ("fence", "app/tickets/service.py", "import flask.typing\n"),
    ("fence", "app/kernel/work.py", "import flask\n"),
    ("fence", "app/tickets/service.py", "from marshmallow import Schema\n"),
    ("fence", "app/kernel/outbox.py", "from rq import Queue\n"),
    ("fence", "app/catalog/service.py", "import click\n"),
    ("fence", "app/tickets/service.py", "from PIL import Image\n"),
    ("fence", "app/tickets/service.py", "import av\n"),
    ("fence", "miniprogram_api/session.py", "import wechatpy\n"),
    ("fence", "app/territory/models.py", "from flask_sqlalchemy import SQLAlchemy\n"),
    ("fence", "miniprogram_api/work.py", "from flask_smorest import Blueprint\n"),
    ("fence", "miniprogram_api/work.py", "import flask_limiter\n"),
    ("no floor", "app/util.py", ""),
    ("no floor", "app/helpers/__init__.py", ""),
    ("long file", "app/sla/rules.py", "x = 1\n" * (floors.FILE_LINES + 1)),
    (
        "long function",
        "app/sla/rules.py",
        'def f():\n    """Do."""\n' + "    x = 1\n" * (floors.FUNCTION_LINES + 1),
    ),
]


@pytest.mark.parametrize(("rule", "path", "source"), SEEDED)
def test_a_seeded_fault_is_found(tmp_path, rule, path, source):
    build(tmp_path, {path: source})

    found = floors.findings(tmp_path)

    assert [(each.rule, each.path) for each in found] == [(rule, path)]


IN_ORDER = [
    ("app/media/service.py", "from app.territory import service, queries\n"),
    ("app/tickets/queries.py", "from app.sla.models import SlaClock\n"),
    ("app/tickets/queries/lists.py", "from app.sla.models import SlaClock\n"),
    ("app/wechat/fake.py", "import flask\n"),
    ("app/wechat/gateway.py", "from wechatpy import WeChatClient\n"),
    ("app/migrations/versions/0001.py", "x = 1\n" * (floors.FILE_LINES + 1)),
    ("app/tickets/service.py", "from .models import Ticket\n"),
    (
        "app/sla/rules.py",
        'def f():\n    """Do.\n' + "\n    more\n" * 60 + '    """\n    return 1\n',
    ),
]


@pytest.mark.parametrize(("path", "source"), IN_ORDER)
def test_what_the_plan_allows_is_left_alone(tmp_path, path, source):
    build(tmp_path, {path: source})

    assert floors.findings(tmp_path) == []


def build(root: Path, changes: dict[str, str] | None = None) -> None:
    """Write the small house under ``root``, with ``changes`` in place of its files."""
    for name, source in {**HOUSE, **(changes or {})}.items():
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source, encoding="utf-8")
