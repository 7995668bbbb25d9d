"""The API's papers: the spec as JSON and a page that reads it, from our own host."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, jsonify, send_from_directory

STATIC = Path(__file__).parent / "static"
MAX_AGE = 3600


def blueprint(name: str, spec: Callable[[], dict[str, Any]]) -> Blueprint:
    """Make the blueprint that serves ``openapi.json``, ``docs`` and its two files."""
    papers = Blueprint(name, __name__)
    kept: list[dict[str, Any]] = []

    @papers.get("/openapi.json")
    def openapi() -> Response:
        if not kept:
            kept.append(spec())
        return jsonify(kept[0])

    @papers.get("/docs")
    def docs() -> Response:
        return send_from_directory(STATIC, "docs.html")

    @papers.get("/docs/<any('docs.js', 'docs.css'):file>")
    def docs_file(file: str) -> Response:
        return send_from_directory(STATIC, file, max_age=MAX_AGE)

    return papers
