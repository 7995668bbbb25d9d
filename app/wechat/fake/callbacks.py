"""The fake tells us things as WeChat does: secure mode, JSON, again if nobody answers."""

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wechatpy.crypto import PrpCrypto, WeChatCrypto

from app.kernel import outward
from app.wechat.pushes import sign
from config import Wechat

GHOST = "gh_fake"
TIMES = 3


@dataclass(slots=True)
class Callbacks:
    """Pushes to one door, in threads of their own."""

    settings: Wechat
    url: str
    now: Callable[[], float]
    told: list[dict[str, Any]] = field(default_factory=list)

    def event(self, openid: str, name: str, **fields: Any) -> None:
        """Push an event about ``openid``, soon."""
        body = {
            "ToUserName": GHOST,
            "FromUserName": openid,
            "CreateTime": int(self.now()),
            "MsgType": "event",
            "Event": name,
            **fields,
        }
        self.push(body)

    def push(self, body: Mapping[str, Any]) -> None:
        """Push a body, soon; three times in all if the door does not answer ``success``."""
        threading.Thread(target=self._deliver, args=(dict(body),), daemon=True).start()

    def _deliver(self, body: dict[str, Any]) -> None:
        for attempt in range(1, TIMES + 1):
            answer = self._once(body)
            self.told.append({"event": body.get("Event"), "attempt": attempt, "answer": answer})
            if answer in ("success", ""):
                return

    def _once(self, body: dict[str, Any]) -> str:
        query, sealed = seal(self.settings, json.dumps(body, ensure_ascii=False), int(self.now()))
        try:
            answer = outward.ask(
                "POST",
                self.url,
                params=query,
                body=sealed,
                headers={"Content-Type": "application/json"},
            )
        except outward.NoAnswer as silence:
            return f"no answer: {silence.why}"
        text = answer.body.decode("utf-8", "replace")
        return text if answer.status == 200 else f"status {answer.status}"


def seal(settings: Wechat, text: str, at: int) -> tuple[dict[str, str], bytes]:
    """Make query and body of a push: secure with a push key, plain without."""
    timestamp, nonce = str(at), str(secrets.randbelow(10**9))
    query = {"timestamp": timestamp, "nonce": nonce}
    query["signature"] = sign(settings.push_token, timestamp, nonce)
    if not settings.push_key:
        return query, text.encode()
    crypto = WeChatCrypto(settings.push_token, settings.push_key, settings.appid)
    encrypted = PrpCrypto(crypto.key).encrypt(text, settings.appid)
    told = encrypted.decode() if isinstance(encrypted, bytes) else str(encrypted)
    query["encrypt_type"] = "aes"
    query["msg_signature"] = sign(settings.push_token, timestamp, nonce, told)
    return query, json.dumps({"ToUserName": GHOST, "Encrypt": told}).encode()
