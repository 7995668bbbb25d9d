"""Reading what a client sent: strict JSON, known fields only, hashes of bodies."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any, BinaryIO, NoReturn

import marshmallow as ma
from flask import Request, request
from webargs import core
from webargs.flaskparser import FlaskParser

from app.kernel.errors import Invalid, TooLarge, Unsupported

MAX_JSON_BYTES = 1024 * 1024
MAX_DEPTH = 24
_CHUNK = 64 * 1024


class Parser(FlaskParser):
    """webargs' Flask parser, made strict: every location refuses unknown fields."""

    DEFAULT_UNKNOWN_BY_LOCATION = {
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "json": ma.RAISE,
        "query": ma.RAISE,
        "querystring": ma.RAISE,
        "form": ma.RAISE,
        "files": ma.RAISE,
    }

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Read a JSON object, or nothing at all."""
        raw = req.get_data(cache=True)
        if not raw:
            return core.missing
        if not req.is_json:
            raise Unsupported("请用 JSON 格式提交。", code="json_expected")
        return read_json_object(raw)

    def handle_error(
        self, error: ma.ValidationError, req: Request, schema: ma.Schema, **_: Any
    ) -> NoReturn:
        """Turn marshmallow's complaints into the one shape of the house."""
        raise Invalid(errors=flatten(error.messages_dict)) from error


def read_json_object(raw: bytes) -> dict[str, Any]:
    """Parse a JSON object, refusing whatever two readers may read differently.

    Raises:
        Invalid: not UTF-8, not JSON, not an object, a name twice, NaN, a lone
            surrogate or too deep (code ``bad_json``).

    """
    try:
        body = json.loads(
            raw.decode("utf-8"), object_pairs_hook=_once_each, parse_constant=_refuse_constant
        )
        _look_through(body, MAX_DEPTH)
    except (ValueError, RecursionError) as error:
        raise Invalid("提交的内容不是正确的 JSON。", code="bad_json") from error
    if not isinstance(body, dict):
        raise Invalid("提交的内容应是一个 JSON 对象。", code="bad_json")
    return body


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name stands twice")
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _look_through(value: Any, depth: int) -> None:
    if depth < 0:
        raise ValueError("too deep")
    if isinstance(value, str):
        value.encode("utf-8")
    elif isinstance(value, dict):
        for name, inner in value.items():
            name.encode("utf-8")
            _look_through(inner, depth - 1)
    elif isinstance(value, list):
        for inner in value:
            _look_through(inner, depth - 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number out of range")


def flatten(messages: Mapping[str, Any]) -> dict[str, list[str]]:
    """Flatten complaints to ``{"place.scene": [...]}``; the location is dropped."""
    flat: dict[str, list[str]] = {}
    for location in messages.values():
        _flatten_into(flat, "", location)
    return flat


def _flatten_into(flat: dict[str, list[str]], path: str, node: Any) -> None:
    if isinstance(node, Mapping):
        for name, inner in node.items():
            shown = str(name).encode("utf-8", "replace").decode()[:64]
            own = path if name == "_schema" else f"{path}.{shown}" if path else shown
            _flatten_into(flat, own, inner)
        return
    said = [node] if isinstance(node, str) else list(node)
    flat.setdefault(path or "_", []).extend(str(words) for words in said)


def read_whole_body(max_upload: int) -> None:
    """Take in the whole body before any transaction opens.

    A slow client must never hold a transaction or the writer's turn.
    """
    if request.mimetype == "multipart/form-data":
        request.max_content_length = max_upload
        request.files  # noqa: B018
        return
    request.max_content_length = min(max_upload, MAX_JSON_BYTES)
    body = request.get_data(cache=True)
    # Of a chunked body werkzeug hands out the first part and says nothing of the rest.
    if request.content_length is None and len(body) >= request.max_content_length:
        raise TooLarge


def raw_body() -> bytes:
    """Hand out the body as it came, for a route that proves and reads it by itself.

    What comes in from outside under a proof of its own (a signed push) may be anything;
    a JSON route declares ``arguments`` instead. The body was taken in before the route ran.
    """
    return request.get_data(cache=True)


def body_hash() -> str:
    """Hash method, address and body of this request (SHA-256, hex).

    Multipart boundaries differ between two sendings of one form, so fields and
    file contents are hashed after parsing.
    """
    digest = hashlib.sha256()
    _feed(digest, request.method, request.path, request.query_string.decode("latin-1"))
    if request.mimetype != "multipart/form-data":
        digest.update(request.get_data(cache=True))
        return digest.hexdigest()
    # A part may come without a name.
    words = [(name or "", value) for name, value in request.form.items(multi=True)]
    for name, value in sorted(words):
        _feed(digest, "field", name, value)
    for name, upload in sorted(request.files.items(multi=True), key=lambda pair: pair[0] or ""):
        _feed(digest, "file", name or "", _hash_stream(upload.stream))
    return digest.hexdigest()


def _feed(digest: Any, *parts: str) -> None:
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(f"{len(raw)}:".encode() + raw)


def _hash_stream(stream: Any) -> str:
    digest = hashlib.sha256()
    readable: BinaryIO = stream
    while chunk := readable.read(_CHUNK):
        digest.update(chunk)
    readable.seek(0)
    return digest.hexdigest()
