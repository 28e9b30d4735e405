"""Whether a service is named, and well."""

from __future__ import annotations

import os

from pubsubclient._core.errors import ConfigurationError, IdentityError, InvalidAddress, NoServiceNamed
from pubsubclient._doctor.findings import Finding, fault, warning
from pubsubclient._http.config import CONFIG_FILE, SETTING, address_of_environment, address_of_file
from pubsubclient._http.service import Address, Service

__all__ = ["configuration_fault", "shadowed"]

_INSTALL = "pip install"


def configuration_fault(error: ConfigurationError) -> Finding:
    """Return what an error of `find_service` means."""
    if isinstance(error, NoServiceNamed):
        do = (
            f"Run `pubsub init`, which writes a {CONFIG_FILE}, or set {SETTING}, for instance to http://127.0.0.1:8000."
        )
        return fault("no_service", "No service is named in the environment or in a config.json.", do)
    if isinstance(error, InvalidAddress):
        return fault("bad_url", str(error), "Correct the address, for instance to http://127.0.0.1:8000.")
    if isinstance(error, IdentityError) and _INSTALL in str(error):
        what, _, arguments = str(error).partition(f": {_INSTALL}")
        return fault("missing_extra", f"{what}.", f"Run `{_INSTALL}{arguments}` where the program runs.")
    return fault("bad_config", str(error), "Correct the file or the variable that is named.")


def shadowed(given: Address | Service | None) -> list[Finding]:
    """Return a warning if the environment names another service than the config.json of this directory."""
    if given is not None or not os.environ.get(SETTING, "").strip():
        return []
    try:
        environment, (file, _) = address_of_environment(), address_of_file([])
        same = file is None or environment is None or Service(environment).urls == Service(file).urls
    except ConfigurationError:
        return []
    if same:
        return []
    what = f"{SETTING} in the environment ({_shown(environment)}) hides the service that {CONFIG_FILE} names ({_shown(file)})."
    return [warning("shadowed", what, f"Remove one of them: unset {SETTING}, or change {CONFIG_FILE}.")]


def _shown(address: Address | None) -> str:
    return address if isinstance(address, str) else str((address or {}).get("register"))
