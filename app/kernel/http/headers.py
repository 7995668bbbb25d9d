"""Headers that every answer carries, and how far a proxy is believed."""

from flask import Flask, Response
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Settings

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(self), microphone=(self)",
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'; object-src 'none'"
    ),
    "Cache-Control": "no-store",
}
_HTTPS_ONLY = "max-age=31536000"


def install(app: Flask, settings: Settings) -> None:
    """Put the headers on every answer; believe exactly the proxies we were told of."""
    headers = dict(_HEADERS)
    if settings.is_production and settings.public_url.startswith("https://"):
        headers["Strict-Transport-Security"] = _HTTPS_ONLY

    @app.after_request
    def _guard(response: Response) -> Response:
        for name, value in headers.items():
            response.headers.setdefault(name, value)
        return response

    if settings.trusted_proxies > 0:
        believed = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=believed, x_proto=believed, x_host=0, x_port=0, x_prefix=0
        )
