"""A robot in a group of 企业微信: one webhook, twenty lines a minute at most."""

import json

from app.kernel import outward
from app.notifications.rules.settling import Outcome, Result

_BUSY = frozenset({-1, 45009, 50001})


class Robot:
    """Speak through a webhook; its address holds a key and stands in no error."""

    def __init__(self, url: str) -> None:
        self._url = url

    def say(self, words: str) -> Outcome:
        """Say a line and tell what came of it."""
        said = {"msgtype": "text", "text": {"content": words}}
        try:
            answer = outward.ask(
                "POST",
                self._url,
                body=json.dumps(said, ensure_ascii=False).encode(),
                headers={"Content-Type": "application/json"},
            )
        except outward.NoAnswer as error:
            return Outcome(Result.AGAIN, "NoAnswer", maybe_sent=error.maybe_arrived)
        try:
            code = int(answer.json()["errcode"])
        except (ValueError, KeyError, TypeError):
            return Outcome(Result.AGAIN, "NoJson", maybe_sent=True)
        if code == 0:
            return Outcome(Result.SENT)
        return Outcome(Result.AGAIN if code in _BUSY else Result.BROKEN, f"errcode:{code}")
