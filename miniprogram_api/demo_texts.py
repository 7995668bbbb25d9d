"""The texts a demo kept instead of sending, for whoever tries it out; nowhere else a page."""

from flask import Response, render_template_string

from app.kernel.clock import SHANGHAI
from app.kernel.errors import NotFound
from app.kernel.http import PUBLIC, Blueprint
from app.kernel.marks import demo_marked
from app.sms import queries

bp = Blueprint("demo_texts", __name__, url_prefix="/demo")

HTML = {"text/html": {"schema": {"type": "string"}}}
PAGE = """<!doctype html>
<html lang="zh-CN">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="5">
<title>演示短信</title>
<link rel="stylesheet" href="../docs/docs.css">
<main>
<h1>演示短信</h1>
<p>演示区不发真短信，本来要发的都在这里，最新的在最上面。每 5 秒更新一次。</p>
{% for one in texts %}<article>
<h2>{{ one.phone }}</h2>
<p>{{ one.text }}</p>
<p><time>{{ one.at.astimezone(zone).strftime("%m月%d日 %H:%M:%S") }}</time></p>
</article>
{% else %}<p>还没有短信。</p>
{% endfor %}</main>
</html>
"""


@bp.route("/texts", access=PUBLIC)
@bp.response(200)
@bp.doc(responses={"200": {"description": "a page", "content": HTML}})
def texts() -> Response:
    """Show the last texts of a demo."""
    if not demo_marked():
        raise NotFound
    shown = render_template_string(PAGE, texts=queries.kept(), zone=SHANGHAI)
    return Response(shown, content_type="text/html; charset=utf-8")
