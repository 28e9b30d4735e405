"""A provider that knows its schema and creates nothing: an apply answers what was planned, with made-up values."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc

from standin.archive import read_archive_file
from standin.schema import Kind, ProviderSchema
from standin.values import decode, encode, made_up, refused, undecided

__all__ = ["Provider"]


class Provider(tfplugin_pb2_grpc.ProviderServicer):  # type: ignore[misc]
    """Serves one provider. Methods and messages are those of Terraform's plugin protocol 6 (``tfplugin6.proto``)."""

    def __init__(self, schema: ProviderSchema) -> None:
        self._schema = schema

    def GetMetadata(self, _request: Any, _context: Any) -> Any:
        return pb.GetMetadata.Response(
            server_capabilities=pb.ServerCapabilities(),
            resources=[pb.GetMetadata.ResourceMetadata(type_name=name) for name in self._schema.resources],
            data_sources=[pb.GetMetadata.DataSourceMetadata(type_name=name) for name in self._schema.data_sources],
        )

    def GetProviderSchema(self, _request: Any, _context: Any) -> Any:
        return pb.GetProviderSchema.Response(
            provider=self._schema.message(),
            resource_schemas={name: kind.message() for name, kind in self._schema.resources.items()},
            data_source_schemas={name: kind.message() for name, kind in self._schema.data_sources.items()},
        )

    def ValidateProviderConfig(self, _request: Any, _context: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ConfigureProvider(self, _request: Any, _context: Any) -> Any:
        return pb.ConfigureProvider.Response()

    def ValidateResourceConfig(self, request: Any, _context: Any) -> Any:
        problems = refused(self._schema.resources[request.type_name], decode(request.config))
        return pb.ValidateResourceConfig.Response(diagnostics=_errors(problems))

    def ValidateDataResourceConfig(self, request: Any, _context: Any) -> Any:
        problems = refused(self._schema.data_sources[request.type_name], decode(request.config))
        return pb.ValidateDataResourceConfig.Response(diagnostics=_errors(problems))

    def UpgradeResourceState(self, request: Any, _context: Any) -> Any:
        return pb.UpgradeResourceState.Response(upgraded_state=pb.DynamicValue(json=request.raw_state.json))

    def ReadResource(self, request: Any, _context: Any) -> Any:
        return pb.ReadResource.Response(new_state=request.current_state)

    def PlanResourceChange(self, request: Any, _context: Any) -> Any:
        kind = self._schema.resources[request.type_name]
        proposed, prior = decode(request.proposed_new_state), decode(request.prior_state)
        if proposed is None:
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        return pb.PlanResourceChange.Response(
            requires_replace=_replacing(kind, proposed, prior),
            planned_state=encode(undecided(kind.block, proposed)),
        )

    def ApplyResourceChange(self, request: Any, _context: Any) -> Any:
        planned = decode(request.planned_state)
        if planned is not None:
            made_up(self._schema.resources[request.type_name].block, planned, request.type_name)
        return pb.ApplyResourceChange.Response(new_state=encode(planned))

    def ImportResourceState(self, _request: Any, _context: Any) -> Any:
        return pb.ImportResourceState.Response(diagnostics=_errors(["the stand-in imports nothing"]))

    def ReadDataSource(self, request: Any, _context: Any) -> Any:
        value = decode(request.config)
        if request.type_name != "archive_file":
            block = self._schema.data_sources[request.type_name].block
            return pb.ReadDataSource.Response(state=encode(made_up(block, value, request.type_name)))
        try:
            return pb.ReadDataSource.Response(state=encode(read_archive_file(value, Path.cwd())))
        except (OSError, ValueError) as failed:
            return pb.ReadDataSource.Response(diagnostics=_errors([str(failed)]))

    def GetFunctions(self, _request: Any, _context: Any) -> Any:
        return pb.GetFunctions.Response()

    def StopProvider(self, _request: Any, _context: Any) -> Any:
        return pb.StopProvider.Response()


def _errors(problems: Iterable[str]) -> list[Any]:
    return [pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=problem) for problem in problems]


def _replacing(kind: Kind, proposed: dict[str, Any], prior: dict[str, Any] | None) -> list[Any]:
    """The attributes whose change means another resource in place of this one."""
    if prior is None:
        return []
    return [
        pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)])
        for name in kind.replaced_by
        if proposed.get(name) != prior.get(name)
    ]
