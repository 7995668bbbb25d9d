"""What operators see: request ids, logs, metrics, health. Never personal data.

Logs are JSON lines on standard error. A request is logged by its route's
template, so neither ids, scenes nor query values appear; of an exception the
log keeps types, places in the code and a message with names, numbers and
quoted values taken out.

Metrics: the served product keeps them in files that all its processes share
(``PROMETHEUS_MULTIPROC_DIR``, given by ``flask serve``); without it they are of
this process alone.
"""

import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from ipaddress import ip_address
from time import perf_counter
from typing import Any

import structlog
from alembic.runtime.migration import MigrationContext
from flask import Blueprint, Flask, Response, current_app, jsonify, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import NotFound

from app.kernel import clock, outbox
from app.kernel.db import session
from app.kernel.ids import new_id
from app.kernel.metrics import REGISTRY
from config import Settings

HEADER = "X-Request-Id"
MULTIPROCESS = "PROMETHEUS_MULTIPROC_DIR"
LATE_OUTBOX = 300.0

_EXTENSION = "sandan-telemetry"
_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_QUIET = ("telemetry.healthz", "telemetry.readyz", "telemetry.metrics")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# What a message may not say: quoted values, words in Chinese, numbers long enough to be
# a phone, and runs long enough to be a token.
_QUOTED = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"|\([^()\n]*\)=\([^()\n]*\)")
_TELLING = re.compile(r"[^\x00-\x7f]+|\d{5,}|[A-Za-z0-9_+/=-]{24,}")

_requests = Counter(
    "sandan_requests_total", "Requests answered", ("method", "route", "status"), registry=REGISTRY
)
_seconds = Histogram(
    "sandan_request_seconds",
    "Time to answer",
    ("method", "route"),
    registry=REGISTRY,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_log = structlog.get_logger("sandan.http")


def install(app: Flask, settings: Settings, *, heads: frozenset[str]) -> None:
    """Watch ``app``: ids, logs, ``/healthz``, ``/readyz``, ``/metrics``.

    ``heads`` are the migrations that the database must stand at.
    """
    set_up_logging(settings.log_level)
    app.extensions[_EXTENSION] = heads
    app.before_request(_begin)
    app.after_request(_end)
    app.register_blueprint(_blueprint())


def set_up_logging(level: str) -> None:
    """Write every log record, ours and the libraries', as one JSON line."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        say_nothing_personal,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name("sandan")
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(allow=()), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [one for one in root.handlers if one.get_name() != "sandan"] + [handler]
    root.setLevel(level.upper())
    # urllib3 would write down whole addresses, and wechatpy what it was answered.
    for chatty in ("werkzeug", "alembic", "urllib3", "wechatpy"):
        logging.getLogger(chatty).setLevel("WARNING")


def scrub(message: str) -> str:
    """Take out of a message whatever may name a person or open something."""
    return _TELLING.sub("…", _QUOTED.sub("…", message))[:500]


def say_nothing_personal(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Scrub messages and reduce exceptions to types and places (a structlog processor)."""
    record = event.get("_record")
    if record is not None:
        event["event"] = scrub(str(event.get("event", "")))
    raised = event.pop("exc_info", None) or (record.exc_info if record is not None else None)
    if record is not None:
        record.exc_info = record.exc_text = None
    if raised is True:
        raised = sys.exc_info()
    error = raised[1] if isinstance(raised, tuple) else raised
    if isinstance(error, BaseException):
        event["exception"] = _told(error)
    return event


def _told(error: BaseException) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    seen: BaseException | None = error
    while seen is not None and len(told) < 5:
        frames = traceback.extract_tb(seen.__traceback__)[-12:]
        told.append(
            {
                "type": f"{type(seen).__module__}.{type(seen).__qualname__}",
                "message": scrub(str(seen)),
                "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
            }
        )
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return told


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    request_id = given if _ID.fullmatch(given) else new_id().hex
    request.environ["sandan.request_id"] = request_id
    request.environ["sandan.began"] = perf_counter()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=request_id)


def _end(response: Response) -> Response:
    seconds = perf_counter() - request.environ.get("sandan.began", perf_counter())
    route = request.url_rule.rule if request.url_rule else "-"
    method = request.method if request.method in _METHODS else "-"
    response.headers[HEADER] = request.environ.get("sandan.request_id", "")
    _requests.labels(method, route, str(response.status_code)).inc()
    _seconds.labels(method, route).observe(seconds)
    if request.endpoint not in _QUIET:
        _log.info(
            "request",
            method=method,
            route=route,
            status=response.status_code,
            ms=round(seconds * 1000, 1),
        )
    return response


def _blueprint() -> Blueprint:
    watch = Blueprint("telemetry", __name__)
    watch.add_url_rule("/healthz", "healthz", _healthz)
    watch.add_url_rule("/readyz", "readyz", _readyz)
    watch.add_url_rule("/metrics", "metrics", _metrics)
    return watch


def _healthz() -> Response:
    """Say that this process answers."""
    return jsonify(status="ok")


def _readyz() -> tuple[Response, int]:
    """Say whether this process can work: database, migrations; and how the outbox does."""
    checks: dict[str, Any] = {"database": "down"}
    try:
        checks["migrations"] = _migrations(current_app.extensions[_EXTENSION])
        checks["database"] = "ok"
        if checks["migrations"] == "ok":
            age = _outbox_age(outbox.backlog())
            checks["outbox"] = "late" if age > LATE_OUTBOX else "ok"
            checks["outbox_seconds"] = round(age, 1)
    except SQLAlchemyError as error:
        _log.warning("not_ready", kind=type(error).__name__)
    finally:
        session.rollback()
    ready = checks["database"] == "ok" and checks["migrations"] == "ok"
    response = jsonify(status="ready" if ready else "not ready", **checks)
    if not ready:
        response.headers["Retry-After"] = "5"
    return response, 200 if ready else 503


def _migrations(heads: frozenset[str]) -> str:
    context = MigrationContext.configure(session.connection())
    return "ok" if frozenset(context.get_current_heads()) == heads else "behind"


def _outbox_age(backlog: outbox.Backlog) -> float:
    if backlog.oldest_due_at is None:
        return 0.0
    return max(0.0, (clock.now() - backlog.oldest_due_at).total_seconds())


def _metrics() -> Response:
    """Answer Prometheus; to machines of our own network only."""
    if not _is_near(request.remote_addr):
        raise NotFound
    shown = CollectorRegistry()
    if os.environ.get(MULTIPROCESS):
        MultiProcessCollector(shown)  # type: ignore[no-untyped-call]
        body = generate_latest(shown)
    else:
        body = generate_latest(REGISTRY)
    on_demand = CollectorRegistry()
    on_demand.register(_OnDemand())
    return Response(body + generate_latest(on_demand), content_type=CONTENT_TYPE_LATEST)


def _is_near(address: str | None) -> bool:
    try:
        near = ip_address(address or "")
    except ValueError:
        return False
    return near.is_loopback or near.is_private


class _OnDemand(Collector):
    """Gauges read from the database when somebody asks."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read the outbox; nothing is told while the database is away."""
        try:
            backlog = outbox.backlog()
        except SQLAlchemyError:
            return
        finally:
            session.rollback()
        counts = {
            "unfanned": backlog.unfanned,
            "ready": backlog.ready,
            "later": backlog.later,
            "claimed": backlog.claimed,
            "dead": backlog.dead,
        }
        rows = GaugeMetricFamily("sandan_outbox_rows", "Outbox rows by state", labels=["state"])
        for state, count in counts.items():
            rows.add_metric([state], count)
        yield rows
        age = _outbox_age(backlog)
        yield GaugeMetricFamily("sandan_outbox_age_seconds", "Age of the oldest due row", age)
