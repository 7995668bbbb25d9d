"""What the pages say exists: commands, words, links, decisions, log-ins."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from flask_migrate.cli import db as migrations

from app.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
READMES = ("README.md", "README.zh-CN.md")
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
    ]
)
CODE = ("app", "miniprogram_api", "workers")
RUNS_FLASK = re.compile(r"(?<![\w-])flask(?: --app wsgi)?((?: [a-z][a-z-]*)+)")
RUNS_MAKE = re.compile(r"(?<![\w-])make ([a-z][a-z-]*)")
RELATIVE_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
FENCE = re.compile(r"^```.*?^```$|^ {4}\S.*?$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def code_parts(text: str) -> Iterator[str]:
    """Go through fenced blocks, indented lines and `spans` of a page."""
    yield from (found.group() for found in FENCE.finditer(text))
    yield from SPAN.findall(FENCE.sub("", text))


def make_commands(text: str) -> set[str]:
    return {name for part in code_parts(text) for name in RUNS_MAKE.findall(part)}


def flask_commands(text: str) -> set[str]:
    return {words.strip() for part in code_parts(text) for words in RUNS_FLASK.findall(part)}


def targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


def is_command(words: str) -> bool:
    """Tell whether ``flask <words>`` leads to a command."""
    known: dict[str | None, click.Command] = {each.name: each for each in COMMANDS}
    known["db"] = migrations
    for word in words.split():
        found = known.get(word)
        if found is None:
            return False
        known = dict(found.commands) if isinstance(found, click.Group) else {}
    return True


def dead_links(page: Path, text: str) -> list[str]:
    return [link for link in RELATIVE_LINK.findall(text) if not (page.parent / link).exists()]


def identifiers(glossary: str) -> set[str]:
    rows = [line.split("|") for line in glossary.splitlines() if line.startswith("| ")]
    return {name for row in rows for name in SPAN.findall(row[2])}


@pytest.fixture(scope="module")
def words_in_code() -> set[str]:
    sources = [path for folder in CODE for path in (ROOT / folder).rglob("*.py")]
    sources += [ROOT / "config.py", *(ROOT / "app" / "catalog").rglob("*.csv")]
    found: set[str] = set()
    for path in sources:
        found |= set(re.findall(r"\w+", path.read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_make_command_on_a_page_exists(page):
    assert make_commands(page.read_text(encoding="utf-8")) <= targets()


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_flask_command_on_a_page_exists(page):
    found = flask_commands(page.read_text(encoding="utf-8"))

    assert [words for words in found if not is_command(words)] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_relative_link_leads_somewhere(page):
    assert dead_links(page, page.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", READMES)
def test_the_readme_gives_the_two_commands(name):
    assert {"run", "test"} <= make_commands((ROOT / name).read_text(encoding="utf-8"))


def test_every_target_is_explained_by_make_help():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    explained = set(re.findall(r"^([a-z][a-z-]*):.*## ", text, re.MULTILINE))

    assert explained == targets()


def test_both_readmes_walk_the_same_tour():
    tours = []
    for name in READMES:
        block = re.search(r"```bash\n(API=.*?)```", (ROOT / name).read_text("utf-8"), re.DOTALL)
        assert block, name
        lines = block.group(1).splitlines()
        tours.append([line for line in lines if line and not line.startswith("#")])

    assert tours[0] == tours[1]


@pytest.mark.parametrize("name", READMES)
def test_the_readme_names_every_demo_log_in(name):
    logins = json.loads((ROOT / "app/demo/data/logins.json").read_text(encoding="utf-8"))
    text = (ROOT / name).read_text(encoding="utf-8")

    assert [each["code"] for each in logins if f"`{each['code']}`" not in text] == []


def test_every_word_of_the_glossary_is_used_in_code(words_in_code):
    glossary = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")

    assert sorted(identifiers(glossary) - words_in_code) == []


def test_no_word_stands_twice_in_the_glossary():
    text = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if line.startswith("| ")]
    names = [name for row in rows for name in SPAN.findall(row[2])]

    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_decisions_are_numbered_listed_and_dated():
    folder = ROOT / "docs/adr"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    pages = sorted(folder.glob("[0-9]*.md"))

    assert [page.name[:4] for page in pages] == [f"{n:04d}" for n in range(1, len(pages) + 1)]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert text.startswith(f"# {page.name[:4]} "), page.name
        assert "Status: " in text, page.name
        assert f"({page.name})" in listed, page.name


# Controls: each check above must find what it is there to find.


def test_a_command_that_does_not_exist_is_found():
    text = "Call `make tea`, then\n\n    make coffee\n\n```bash\nmake water\n```\nWe make do."

    assert make_commands(text) == {"tea", "coffee", "water"}
    assert not is_command("tickets vanish")
    assert not is_command("tickets verify twice")
    assert is_command("tickets verify")
    assert flask_commands("`.venv/bin/flask --app wsgi tickets verify --all`") == {"tickets verify"}


def test_a_link_that_leads_nowhere_is_found(tmp_path):
    page = tmp_path / "page.md"
    (tmp_path / "here.md").touch()

    found = dead_links(page, "[a](here.md) [b](gone.md#part) [c](https://x.example/y) [d](#part)")

    assert found == ["gone.md"]


def test_a_word_nobody_uses_is_found(words_in_code):
    glossary = (
        "| 中文 | identifier | meaning |\n|---|---|---|\n| 飞船 | `space_ship` `ticket` | . |\n"
    )

    assert identifiers(glossary) - words_in_code == {"space_ship"}
