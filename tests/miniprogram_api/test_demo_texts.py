"""The page of a demo's texts: there in a demo, nowhere else, and never read as markup."""

import dataclasses

from app.kernel import marks
from app.kernel.work import unit_of_work
from app.sms.gateway import DemoTexts
from config import DEMO
from tests.make.answers import refused
from tests.make.phone import PREFIX


def test_there_is_no_such_page_outside_a_demo(bare_app, world):
    refused(bare_app.test_client().get(PREFIX + "/demo/texts"), 404)


def test_a_demo_shows_its_texts_as_text(bare_app, world, settings):
    with unit_of_work():
        marks.mark_demo()
    DemoTexts(dataclasses.replace(settings, env=DEMO)).send(
        "10012345678", "验证码 123456 <b>粗</b>", purpose="code"
    )

    page = bare_app.test_client().get(PREFIX + "/demo/texts")

    assert page.status_code == 200
    assert "验证码 123456 &lt;b&gt;粗" in page.get_data(as_text=True)
