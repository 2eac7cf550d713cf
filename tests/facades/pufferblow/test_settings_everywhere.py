"""A change of settings reaches the other web processes over the bus, long before they would look by themselves."""

from __future__ import annotations

import json

import pytest

from tests.e2e.waiting import eventually
from tests.facades.pufferblow.chat import Chat, Process

PATH = "/api/v1/system/server-info"


@pytest.mark.slow
def test_another_process_knows_of_a_change_at_once(chat: Chat, far: Process) -> None:
    def shown() -> str:
        answer = chat.http.request("GET", f"http://127.0.0.1:{far.port}{PATH}")
        return str(json.loads(answer.data)["server_info"]["welcome_message"])

    before = shown()
    chat.call("PUT", PATH, chat.owner, welcome_message="come in")

    eventually(lambda: shown() == "come in", timeout_seconds=2, what="the other process has the new setting")
    assert before == ""
