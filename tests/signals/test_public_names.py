"""What can be imported, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pubsubclient.dispatcher
import pubsubclient.signals
from pubsubclient import pydispatch

PACKAGE = pubsubclient.__path__[0]


def test_the_names_of_pydispatcher_are_there() -> None:
    assert {
        "Anonymous", "Any", "connect", "disconnect", "getAllReceivers", "getReceivers", "liveReceivers", "send",
        "sendExact", "sendRobust", "robustApply", "safeRef", "BoundMethodWeakref", "DispatcherError",
        "DispatcherKeyError", "DispatcherTypeError", "Signal", "receiver", "Connection", "explain", "asend",
    } <= set(pubsubclient.dispatcher.__all__)  # fmt: skip
    assert pydispatch.__all__ == ["dispatcher", "errors", "robust", "robustapply", "saferef"]


def test_the_classes_of_the_wildcards_have_the_names_of_pydispatcher() -> None:
    """Programs import them, to ask for the type of a sender."""
    for module in (pubsubclient.dispatcher, pydispatch.dispatcher):
        assert isinstance(module.Any, module._Any)
        assert isinstance(module.Anonymous, module._Anonymous)
        assert issubclass(module._Any, module._Parameter)
        assert issubclass(module._Anonymous, module._Parameter)
        assert not isinstance(module.Any, module._Anonymous)


def test_all_that_is_promised_is_there() -> None:
    modules = [pubsubclient.dispatcher, pubsubclient.signals, pydispatch]
    modules += [getattr(pydispatch, name) for name in pydispatch.__all__]
    for module in modules:
        assert [name for name in module.__all__ if not hasattr(module, name)] == []


def test_the_dispatcher_itself_needs_no_network_library() -> None:
    """Its modules are imported without the package around them, which brings the client."""
    program = f"""
import sys, types
before = set(sys.modules)  # a measurement of coverage begins with imports of its own
package = types.ModuleType("pubsubclient")
package.__path__ = [{PACKAGE!r}]
sys.modules["pubsubclient"] = package
import pubsubclient.dispatcher, pubsubclient.pydispatch
imported = sys.modules.keys() - before
assert not {{"requests", "http", "socket", "asyncio"}} & imported, sorted(imported)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
