"""The texts of the invented district: complete, sayable, about nobody real."""

import csv
import json
import random
import re
from pathlib import Path

import pytest

from app.demo import corpus

ROOT = Path(__file__).resolve().parents[3]
CATEGORIES = ROOT / "app" / "catalog" / "data" / "categories.csv"
EMERGENCY_LINES = {"110", "119", "120"}
HERE = {"building": 3, "unit": 2, "floor": 5, "dwelling": "501", "compound": "桂花苑"}


def leaves() -> dict[str, dict[str, str]]:
    with CATEGORIES.open(encoding="utf-8-sig", newline="") as file:
        return {row["code"]: row for row in csv.DictReader(file)}


def test_every_leaf_of_the_tree_has_its_texts():
    assert corpus.load().leaves.keys() == leaves().keys()


def test_every_leaf_says_enough():
    for leaf in corpus.load().leaves.values():
        assert len(leaf.reports) >= 4, leaf.code
        assert sum(map(len, leaf.results.values())) >= 3, leaf.code
        assert leaf.progress, leaf.code
        assert leaf.returns, leaf.code
        assert leaf.rework, leaf.code
        assert leaf.verdicts["satisfied"], leaf.code
        assert leaf.verdicts["dissatisfied"], leaf.code


def test_no_text_stands_twice():
    texts = list(corpus.load().texts())

    assert len(texts) == len(set(texts))
    assert len(texts) > 1500


def test_no_text_holds_a_number_that_could_be_a_phone():
    for text in corpus.load().texts():
        for digits in re.findall(r"\d{3,}", text):
            assert digits in EMERGENCY_LINES or digits.startswith("100"), text


def test_no_text_speaks_officialese_or_names_an_internal_state():
    forbidden = re.compile(r"贵单位|特此|予以|流转|节点|闭环|SLA|resolved|dispatched")

    assert [text for text in corpus.load().texts() if forbidden.search(text)] == []


def test_staff_do_not_raise_their_voice():
    loaded = corpus.load()
    written = [
        text
        for leaf in loaded.leaves.values()
        for part in (*leaf.results.values(), leaf.progress, leaf.returns)
        for text in part
    ]

    assert [text for text in written if "！" in text or "!" in text] == []


def test_every_leaf_can_be_reported_where_no_firm_works():
    accused_firms = {code for code, row in leaves().items() if row["accuses"] == "property"}

    for code, leaf in corpus.load().leaves.items():
        if code not in accused_firms:
            sayable = corpus.fitting(leaf.reports, all_values(), firm=False)
            assert len(sayable) >= 2, code


def test_every_text_can_be_filled_from_a_home_with_a_firm():
    values = all_values()

    for text in corpus.load().texts():
        assert "{" not in corpus.fill(text, values)


def test_a_place_without_lifts_gets_no_talk_of_lifts():
    reports = corpus.load().leaves["ENV-CLEAN"].reports

    sayable = corpus.fitting(reports, all_values(), lift=False)

    assert 0 < len(sayable) < len(reports)
    assert all("电梯" not in text for text in sayable)


def test_a_street_gets_only_texts_that_need_no_home():
    leaf = corpus.load().leaves["PUB-STREETLIGHT"]

    sayable = corpus.fitting(leaf.reports, {"road": "藕花路"})

    assert sayable
    assert all(corpus.asked_for(text) <= {"road"} for text in sayable)


def test_the_same_seed_says_the_same():
    text = corpus.load().leaves["WPE-LIGHT"].reports[0]

    said = [corpus.spoken(dice(7), text, "elder", corpus.load().common) for _ in range(2)]

    assert said[0] == said[1]


def test_particulars_refuse_what_is_no_placeholder():
    with pytest.raises(KeyError):
        corpus.particulars(dice(1), corpus.load().common, phone="10030000000")


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (lambda leaf: leaf["reports"].pop(), "reports"),
        (lambda leaf: leaf["reports"].append("{plate}挡住了门口"), "plate"),
        (lambda leaf: leaf["reports"].append(leaf["reports"][0]), "twice"),
        (lambda leaf: leaf["results"].update(magic=["好了。"]), "magic"),
        (lambda leaf: leaf["verdicts"].pop("satisfied"), "satisfied"),
        (lambda leaf: leaf.pop("rework"), "rework"),
        (lambda leaf: leaf.update(extra=[]), "extra"),
        (lambda leaf: leaf["progress"].append(" "), "blank"),
    ],
)
def test_a_damaged_file_is_refused_with_the_place(tmp_path, monkeypatch, damage, complaint):
    copy = tmp_path / "data"
    (copy / "corpus").mkdir(parents=True)
    (copy / "common.json").write_text((corpus.DATA / "common.json").read_text("utf-8"), "utf-8")
    group = json.loads((corpus.DATA / "corpus" / "EMG.json").read_text("utf-8"))
    damage(group["EMG-LIFT"])
    text = json.dumps(group, ensure_ascii=False)
    (copy / "corpus" / "EMG.json").write_text(text, "utf-8")
    monkeypatch.setattr(corpus, "DATA", copy)

    with pytest.raises(corpus.BadCorpus, match=complaint):
        corpus.load.__wrapped__()


def dice(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311


def all_values() -> dict[str, str]:
    return corpus.particulars(
        dice(1),
        corpus.load().common,
        **HERE,
        firm="禾安物业",
        worker="周师傅",
        road="藕花路",
    )
