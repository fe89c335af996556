# SPDX-License-Identifier: Apache-2.0
"""One-time tickets, as a web page asks for them."""

import http.client
import json

from .agent import Agent

TICKETS = "/api/v1/tickets"


def ask_ticket(agent: Agent, token: str | None, body: dict | bytes, target: str = TICKETS,
               **headers: str) -> tuple[int, dict, http.client.HTTPMessage]:
    """Status, body and headers of the answer. `headers` have underscores for dashes."""
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=10)
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("POST", target, body if isinstance(body, bytes) else json.dumps(body),
                           {"Content-Type": "application/json", **bearer, **named})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers
    finally:
        connection.close()


def ticket_for(agent: Agent, token: str, endpoint: str, **more) -> str:
    """A ticket that leads there; `more` is `mode`."""
    status, answer, _ = ask_ticket(agent, token, {"endpoint": endpoint, **more})
    assert status == 201, answer
    return answer["ticket"]
