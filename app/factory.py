"""Make the application: settings in, a Flask app with or without doors out."""

from collections.abc import Callable, Sequence
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Flask
from flask_migrate import Migrate

from app.kernel import crypto, telemetry
from app.kernel.db import db, engine_options, teach_manners
from app.kernel.http import headers, limits, problems
from config import Settings

Door = Callable[[Flask], None]

MIGRATIONS = Path(__file__).resolve().parent / "migrations"


def create_app(settings: Settings, doors: Sequence[Door] = ()) -> Flask:
    """Build the app; a worker asks for no doors, the web for all."""
    app = Flask("sandan", static_folder=None, template_folder=None)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(
            settings.database_url, pool_size=settings.web_threads + 4
        )
        | {"hide_parameters": True},
        MAX_CONTENT_LENGTH=settings.max_body_bytes,
        MAX_FORM_PARTS=50,
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.extensions["settings"] = settings
    _open_database(app, settings)
    _keep_manners(app, settings)
    for door in doors:
        door(app)
    return app


def migration_heads() -> frozenset[str]:
    """Name the migrations that a database of this code must stand at."""
    script = Config()
    script.set_main_option("script_location", str(MIGRATIONS))
    return frozenset(ScriptDirectory.from_config(script).get_heads())


def _open_database(app: Flask, settings: Settings) -> None:
    crypto.install(
        crypto.Keyring(
            field_keys=settings.field_keys,
            index_key=settings.index_key,
            chain_key=settings.chain_key,
            secret_key=settings.secret_key,
        )
    )
    db.init_app(app)
    with app.app_context():
        teach_manners(db.engine)
    Migrate(app, db, directory=str(MIGRATIONS))


def _keep_manners(app: Flask, settings: Settings) -> None:
    problems.install(app)
    limits.install(app, settings)
    headers.install(app, settings)
    telemetry.install(app, settings, heads=migration_heads())
