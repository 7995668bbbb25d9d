"""How many, by which luck, and what came of it."""

import os
import random
from collections.abc import Callable

import pytest

MANY_KILLS = int(os.environ.get("FAULTS_KILLS", "300"))
LINES = pytest.StashKey[list[str]]()


def seed() -> int:
    """Name the seed of this test: the one given, or a fresh one."""
    given = os.environ.get("FAULTS_SEED")
    return int(given) if given else random.SystemRandom().randrange(2**32)


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Say a line at the end of the run, and into the file FAULTS_REPORT if that is set."""
    lines = request.config.stash.setdefault(LINES, [])
    database = request.config.getoption("--database")

    def say(line: str) -> None:
        whole = f"{database} {request.node.name}: {line}"
        lines.append(whole)
        if path := os.environ.get("FAULTS_REPORT"):
            with open(path, "a", encoding="utf-8") as file:
                file.write(whole + "\n")

    return say


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print what the fault tests counted."""
    if lines := config.stash.get(LINES, []):
        terminalreporter.section("what the faults did")
        for line in lines:
            terminalreporter.write_line(line)
