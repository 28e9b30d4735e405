"""The doctor's round: configuration, this machine, the network, the service."""

from __future__ import annotations

from pubsubclient._core.errors import ConfigurationError
from pubsubclient._doctor.configuration import configuration_fault, shadowed
from pubsubclient._doctor.findings import Finding
from pubsubclient._doctor.machine import data_directory, firestore_emulator, thread_limit
from pubsubclient._doctor.network import network_fault
from pubsubclient._doctor.probe import probe
from pubsubclient._http.config import find_service
from pubsubclient._http.service import Address, Service

__all__ = ["doctor"]


def doctor(service: Address | Service | None = None) -> list[Finding]:
    """Find out why programs cannot use a service; returns what is wrong, an empty list if nothing is.

    Sends one request, which changes nothing and costs a read. An address that does not answer takes a few seconds.

    Args:
        service: the service, as for `Publisher`; by default the one that programs find in this directory
    """
    findings = [*shadowed(service), *firestore_emulator(), *data_directory(), *thread_limit()]
    try:
        found = find_service(service)
    except ConfigurationError as error:
        return [configuration_fault(error), *findings]
    trouble = network_fault(found)
    return [trouble, *findings] if trouble else [*probe(found), *findings]
