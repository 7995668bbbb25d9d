"""What kind of installation this database is.

A demo database carries a mark, written by the demo loader alone and only while
the database is empty. Demo log-ins and the movable clock look for it, and
production refuses to run on a marked database, so that invented accounts can
never open real data, whatever ``SANDAN_ENV`` says.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from app.kernel import clock
from app.kernel.db import Model, session
from config import DEMO as DEMO_MODE
from config import Settings, SettingsError

DEMO = "demo"
CLOCK_FILE = "clock"
"""In the data folder: how many seconds the demo runs ahead."""


class InstallationMark(Model):
    """A word about the whole database; never removed."""

    __tablename__ = "installation_mark"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


def mark_demo() -> None:
    """Mark this database as a demo; the caller has made sure that it is empty."""
    session.add(InstallationMark(name=DEMO, at=clock.now()))
    session.flush()


def demo_marked() -> bool:
    """Tell whether this database holds a demo."""
    statement = select(InstallationMark.name).where(InstallationMark.name == DEMO)
    return session.scalar(statement) is not None


def let_time_move(settings: Settings) -> None:
    """Let the clock be moved, in demo mode and on a marked database only."""
    if settings.env == DEMO_MODE and demo_marked():
        clock.follow(settings.data_dir / CLOCK_FILE)


def refuse_marked_in_production(settings: Settings) -> None:
    """Stop a production start on a demo database.

    Raises:
        SettingsError: the settings say production, the database says demo.

    """
    if settings.is_production and demo_marked():
        raise SettingsError(
            "this database holds the demo district; production needs a database of its own"
        )
