"""A gRPC server for each provider, on a socket of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from tf.gen import tfplugin_pb2_grpc

from standin.provider import Provider
from standin.schema import load_providers

__all__ = ["reattachable"]

_UNBOUNDED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


@contextmanager
def reattachable() -> Iterator[dict[str, Any]]:
    """Serve all providers until the end of the block; gives the value of TF_REATTACH_PROVIDERS.

    Source of its form: hashicorp/go-plugin's ReattachConfig, as Terraform's documentation of debugging providers has it.
    """
    servers: list[grpc.Server] = []
    addresses: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="standin") as folder:
        try:
            for address, schema in load_providers().items():
                socket = f"{folder}/{len(servers)}.sock"
                server = grpc.server(ThreadPoolExecutor(8), options=_UNBOUNDED)
                tfplugin_pb2_grpc.add_ProviderServicer_to_server(Provider(schema), server)
                server.add_insecure_port(f"unix://{socket}")
                server.start()
                servers.append(server)
                addresses[address] = {
                    "Protocol": "grpc",
                    "ProtocolVersion": 6,
                    "Pid": os.getpid(),
                    "Test": True,  # Terraform leaves the process alone
                    "Addr": {"Network": "unix", "String": socket},
                }
            yield addresses
        finally:
            for server in servers:
                server.stop(grace=None).wait()
