"""The least that a function over Firestore does: import the framework and the client, and read a document."""

from google.cloud import firestore

_client = firestore.Client()


def read(request: object) -> tuple[dict[str, bool], int]:  # noqa: ARG001
    """Whether a document is there."""
    return {"exists": _client.document("publishers/cold").get().exists}, 200
