"""The AsyncAPI documents of the examples: valid, and complete."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from documents.asyncapi import check
from e2e.serving import environment
from run_examples.programs import EXAMPLES

#: by example and module: the addresses of its app's channels, and its types of data
APPS: dict[tuple[str, str], tuple[set[str], set[str]]] = {
    ("orders", "billing"): ({"orders", "invoices"}, {"Order", "Invoice"}),
    ("orders", "shipping"): ({"invoices"}, {"Invoice"}),
    ("outbox", "billing"): ({"orders"}, set()),
    ("typed", "billing"): ({"orders", "receipts", "audit.{token1}", "audit.shop"}, {"Order", "Receipt"}),
    ("webhooks", "fastapi_receiver"): ({"webhooks.push"}, set()),
    ("webhooks", "flask_receiver"): ({"webhooks.push"}, set()),
}


@pytest.mark.parametrize(("folder", "module"), APPS, ids="/".join)
def test_the_document_of_an_example_is_valid_and_complete(folder: str, module: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pubsub_emulator", "-s", "http://127.0.0.1:8000", "asyncapi", f"{module}:app"],
        cwd=EXAMPLES / folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    document = json.loads(ran.stdout)
    check(document)
    addresses, types = APPS[folder, module]
    assert {channel["address"] for channel in document["channels"].values()} == addresses
    assert set(document["components"]["schemas"]) == {"CloudEvent", *types}
    actions = {operation["action"] for operation in document["operations"].values()}
    sends = (folder, module) not in {("orders", "shipping"), ("outbox", "billing")}
    assert actions == ({"receive", "send"} if sends else {"receive"})
    assert document["servers"]["service"]["host"] == "127.0.0.1:8000"
