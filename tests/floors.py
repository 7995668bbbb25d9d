"""Read the house's imports and sizes, and name every place that breaks the plan.

The plan is the data at the top (docs/architecture.md shows the same table).
``findings(root)`` reads source files only; it imports nothing of the house.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FLOORS: dict[int, tuple[str, ...]] = {
    -1: ("around",),
    0: ("config",),
    1: ("app.kernel",),
    2: ("app.territory", "app.wechat", "app.sms", "app.factory"),
    3: ("app.identity", "app.media"),
    4: ("app.catalog", "app.committees", "app.signs"),
    5: ("app.routing", "app.sla", "app.reviews", "app.votes"),
    6: ("app.tickets", "app.funds"),
    7: (
        "app.escalation",
        "app.ratings",
        "app.slips",
        "app.inspections",
        "app.meetings",
    ),
    8: ("app.notifications", "app.boards", "app.moderation"),
    9: ("app.reports", "app.privacy", "app.demo"),
    10: ("app.rooms",),
    11: (
        "miniprogram_api",
        "app.console",
        "app.open_data",
        "app.cli",
        "app.migrations",
        "workers",
    ),
    12: ("wsgi",),
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms}
DOORS = FLOORS[11]
EDGES = (*DOORS, "app.kernel.http", "app.kernel.telemetry", "app.factory", "app.wechat.fake")

FENCES: dict[str, tuple[str, ...]] = {
    "flask": (*EDGES, "wsgi"),
    "werkzeug": (*EDGES, "wsgi"),
    "marshmallow": EDGES,
    "click": EDGES,
    "rq": EDGES,
    "flask_sqlalchemy": ("app.kernel.db",),
    "flask_smorest": ("app.kernel.http",),
    "flask_limiter": ("app.kernel.http",),
    "wechatpy": ("app.wechat",),
    "requests": ("app.kernel.outward", "app.wechat"),
    "urllib3": ("app.kernel.outward",),
    "xmltodict": ("app.wechat",),
    "PIL": ("app.media",),
    "pillow_heif": ("app.media",),
    "av": ("app.media",),
    "segno": ("app.media",),
}
"""Package → the only places that may import it."""

MODEL_READERS = ("app.rooms", "app.migrations")
"""Places whose very job is to know every table."""

DYNAMIC_IMPORTS: frozenset[str] = frozenset()
LONG_FILES: frozenset[str] = frozenset()
LONG_FUNCTIONS: frozenset[str] = frozenset()
"""Exceptions, each with its reason beside it. Keep them empty."""

FILE_LINES = 350
FUNCTION_LINES = 40
GENERATED = "app/migrations/versions/"


@dataclass(frozen=True, slots=True)
class Finding:
    """One place that breaks the plan."""

    rule: str
    path: str
    line: int
    words: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.words}"


@dataclass(frozen=True, slots=True)
class Import:
    """One imported name, fully spelled, and where it stands."""

    target: str
    line: int
    inside_function: bool
    under_condition: bool
    type_checking: bool


def findings(root: Path) -> list[Finding]:
    """List everything under ``root`` that breaks the plan."""
    found: list[Finding] = []
    for path in _sources(root):
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, filename=name)
        module = _module(name)
        found += _placed(module, name)
        found += _imports(module, name, tree)
        if not name.startswith(GENERATED):
            found += _sizes(module, name, text, tree)
    return found


def room_of(module: str) -> str | None:
    """Name the room or door ``module`` stands in, or None if the plan has no place for it."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        candidate = ".".join(parts[:length])
        if candidate in FLOOR_OF:
            return candidate
    return None


def _sources(root: Path) -> Iterator[Path]:
    for name in ("config.py", "wsgi.py"):
        if (root / name).exists():
            yield root / name
    for folder in ("app", "miniprogram_api", "workers"):
        yield from sorted((root / folder).rglob("*.py"))


def _module(name: str) -> str:
    return name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _placed(module: str, name: str) -> Iterator[Finding]:
    if module != "app" and room_of(module) is None:
        yield Finding("no floor", name, 1, f"{module} stands on no floor of the plan")


def _imports(module: str, name: str, tree: ast.Module) -> Iterator[Finding]:
    for found in _walk(tree, module, is_package=name.endswith("__init__.py")):
        if found.inside_function:
            yield Finding("inner import", name, found.line, f"{found.target} inside a function")
        elif found.under_condition:
            yield Finding("conditional import", name, found.line, found.target)
        yield from _fenced(module, name, found)
        yield from _floored(module, name, found)
    for line, words in _dynamic(tree):
        if module not in DYNAMIC_IMPORTS:
            yield Finding("dynamic import", name, line, words)


def _fenced(module: str, name: str, found: Import) -> Iterator[Finding]:
    package = found.target.partition(".")[0]
    allowed = FENCES.get(package)
    if allowed is not None and not any(_within(module, place) for place in allowed):
        yield Finding("fence", name, found.line, f"{package} is not for {module}")


def _floored(module: str, name: str, found: Import) -> Iterator[Finding]:
    theirs, ours = room_of(found.target), room_of(module)
    if theirs is None or theirs == ours:
        return
    here = FLOOR_OF.get(ours or "", 0)
    there = FLOOR_OF[theirs]
    if there > here:
        yield Finding("upward", name, found.line, f"{module} ({here}) → {found.target} ({there})")
    elif there == here:
        yield Finding("sideways", name, found.line, f"{module} → {found.target}, both on {here}")
    if _names_models(found.target, theirs) and not _may_read_models(module, found):
        yield Finding("foreign models", name, found.line, f"{found.target} outside queries")


def _names_models(target: str, room: str) -> bool:
    return target.removeprefix(room).startswith(".models")


def _may_read_models(module: str, found: Import) -> bool:
    return (
        found.type_checking
        or "queries" in module.split(".")
        or any(_within(module, place) for place in MODEL_READERS)
    )


def _within(module: str, place: str) -> bool:
    return module == place or module.startswith(place + ".")


def _walk(tree: ast.Module, module: str, *, is_package: bool) -> Iterator[Import]:
    package = module if is_package else module.rpartition(".")[0]
    waiting: list[tuple[ast.AST, bool, bool, bool]] = [(tree, False, False, False)]
    while waiting:
        node, function, condition, typing = waiting.pop()
        for target in _targets(node, package):
            yield Import(target, getattr(node, "lineno", 0), function, condition, typing)
        for child in ast.iter_child_nodes(node):
            guarded = typing or _type_checking(node, child)
            inside = function or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            nested = condition or (not guarded and isinstance(node, _CONDITIONS))
            waiting.append((child, inside, nested, guarded))


_CONDITIONS = (ast.If, ast.Try, ast.With, ast.For, ast.While, ast.Match, ast.ClassDef)


def _type_checking(node: ast.AST, child: ast.AST) -> bool:
    if not isinstance(node, ast.If) or child not in node.body:
        return False
    test = node.test
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _targets(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        parts = package.split(".")
        kept = parts[: len(parts) - node.level + 1]
        base = ".".join([*kept, *([node.module] if node.module else [])])
    return [f"{base}.{alias.name}" for alias in node.names]


def _dynamic(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            words = ast.unparse(node.func)
            if words in {"__import__", "import_module", "importlib.import_module"}:
                yield node.lineno, words


def _sizes(module: str, name: str, text: str, tree: ast.Module) -> Iterator[Finding]:
    lines = len(text.splitlines())
    if lines > FILE_LINES and name not in LONG_FILES:
        yield Finding("long file", name, 1, f"{lines} lines, at most {FILE_LINES}")
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        length = _body_lines(node)
        if length > FUNCTION_LINES and f"{module}.{node.name}" not in LONG_FUNCTIONS:
            words = f"{node.name} has {length} lines, at most {FUNCTION_LINES}"
            yield Finding("long function", name, node.lineno, words)


def _body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a body without its docstring."""
    body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
    if not body:
        return 0
    return (body[-1].end_lineno or 0) - body[0].lineno + 1
