"""Each rule of waits that listen is needed: without it a test fails."""

from __future__ import annotations

import concurrent.futures
import inspect

import pytest

from unit.google.listen import server, test_waits, waiting
from unit.google.listen.broken import BROKEN

#: how long is waited in vain for what does not come without a rule, seconds
_IN_VAIN_S = 2.0


@pytest.mark.parametrize("rule", BROKEN)
def test_without_a_rule_a_test_of_waits_fails(rule: str, request: pytest.FixtureRequest) -> None:
    """The test passes with all rules, as it does in its own place."""
    leave_out, test = BROKEN[rule]
    parameters = inspect.signature(test).parameters.values()
    fixtures = [parameter.name for parameter in parameters if parameter.default is parameter.empty]
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((server, "PATIENCE_S"), (waiting, "LONG_S"), (test_waits, "LONG_S")):
            patch.setattr(module, name, _IN_VAIN_S)
        leave_out(patch)
        values = {name: request.getfixturevalue(name) for name in fixtures}
        with pytest.raises((AssertionError, ValueError, concurrent.futures.TimeoutError)):
            test(**values)
