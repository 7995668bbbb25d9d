"""One handler, one shape: RFC 9457 problem+json, in plain Chinese."""

from collections.abc import Mapping
from typing import Any

import structlog
from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from app.kernel.errors import Conflict, Invalid, SandanError, Unavailable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = 2

_log = structlog.get_logger("sandan.http")

_HTTP_WORDS: Mapping[int, tuple[str, str, str]] = {
    400: ("bad_request", "请求有误", "请求的格式不对。"),
    401: ("unauthenticated", "请先登录", "登录已失效，请重新登录。"),
    403: ("forbidden", "没有权限", "您没有权限做这件事。"),
    404: ("not_found", "没有找到", "没有这个地址。"),
    405: ("method_not_allowed", "不支持这种操作", "这个地址不支持这种操作。"),
    406: ("not_acceptable", "格式不支持", "不能按所要的格式回答。"),
    408: ("request_timeout", "等待太久", "内容没有传完，请重试。"),
    411: ("length_required", "请求有误", "请求没有说明长度。"),
    412: ("precondition_failed", "情况已变化", "情况已变化，请刷新后再看。"),
    413: ("too_large", "内容太大", "内容太大，请减小后再试。"),
    414: ("address_too_long", "请求有误", "地址太长。"),
    415: ("unsupported", "格式不支持", "不支持这种格式。"),
    416: ("range_not_satisfiable", "请求有误", "没有所要的这一段内容。"),
    422: ("invalid", "填写有误", "有内容填写不对，请检查后再提交。"),
    429: ("too_many", "操作太频繁", "操作太频繁，请稍后再试。"),
    431: ("headers_too_large", "请求有误", "请求头太大。"),
    503: ("unavailable", "服务暂不可用", "服务暂时不可用，请稍后再试。"),
}
_OURS = ("internal", "出错了", "系统出了点问题，请稍后再试。")

# SQLSTATE classes after which the same request may well succeed: connection lost,
# rolled back (deadlock, serialization), resources, object in use, operator intervention.
_PASSING_SQLSTATES = ("08", "40", "53", "55", "57")
_PASSING_SQLITE = ("locked", "busy", "disk", "full", "unable to open")


def install(app: Flask) -> None:
    """Make every failure of ``app`` a problem document."""
    app.register_error_handler(Exception, answer)


def answer(error: Exception) -> Response:
    """Turn any failure into its problem document."""
    if isinstance(error, SandanError):
        return _known(error)
    if isinstance(error, HTTPException):
        return _http(error)
    known = _from_database(error)
    if known is not None:
        log = _log.error if isinstance(error, IntegrityError | DataError) else _log.warning
        log("database_refused", kind=type(error).__name__, code=known.code, **_state_of(error))
        return _known(known)
    _log.error("failed", exc_info=error)
    code, title, detail = _OURS
    return problem(500, code, title, detail)


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    errors: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Response:
    """Write one problem document."""
    body = {
        **(extra or {}),
        "type": f"urn:sandan:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "detail": detail,
        "errors": dict(errors or {}),
        "request_id": request.environ.get("sandan.request_id", ""),
    }
    response = jsonify(body)
    response.status_code = status
    response.content_type = MEDIA_TYPE
    response.headers["Cache-Control"] = "no-store"
    return response


def _known(error: SandanError) -> Response:
    response = problem(
        error.status, error.code, error.title, error.detail, errors=error.errors, extra=error.extra
    )
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, error.retry_after))
    elif isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(RETRY_AFTER)
    if error.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status < 400:
        plain = error.get_response()
        return plain if isinstance(plain, Response) else Response(status=status)
    code, title, detail = _HTTP_WORDS.get(status, _OURS if status >= 500 else _HTTP_WORDS[400])
    if status >= 500:
        _log.error("failed", exc_info=error)
    response = problem(status, code, title, detail)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return response


def _from_database(error: Exception) -> SandanError | None:
    if isinstance(error, StaleDataError):
        return Conflict()
    if isinstance(error, PoolTimeout):
        return Unavailable(code="busy", retry_after=RETRY_AFTER)
    if isinstance(error, IntegrityError):
        return Conflict(code="clash")
    if isinstance(error, DataError):
        return Invalid(code="value_out_of_range")
    if isinstance(error, DBAPIError) and _is_passing(error):
        return Unavailable(code="database_unavailable", retry_after=RETRY_AFTER)
    return None


def _is_passing(error: DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state)[:2] in _PASSING_SQLSTATES
    if type(error.orig).__module__.startswith("sqlite3"):
        return any(word in str(error.orig).lower() for word in _PASSING_SQLITE)
    return True


def _state_of(error: Exception) -> dict[str, Any]:
    """Name the database's own code; its message may carry values of a row."""
    orig = getattr(error, "orig", None)
    diag = getattr(orig, "diag", None)
    return {
        "sqlstate": getattr(orig, "sqlstate", None) or getattr(orig, "sqlite_errorname", None),
        "constraint": getattr(diag, "constraint_name", None),
    }
