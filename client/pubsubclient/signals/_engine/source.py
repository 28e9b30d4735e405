"""Writes the source of plans: functions that call each receiver directly, with the arguments that it takes.

The source defines a function `bind`, which gets the receivers and returns the plan. User code contributes only the names of
arguments, which appear as keywords and quoted keys, so that they cannot clash with variables of the source. One source
serves all sets of receivers with the same shapes.
"""

from __future__ import annotations

import enum
import functools
import keyword
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from pubsubclient.signals._engine.signature import Shape

__all__ = ["Access", "Mode", "Run", "Text", "arguments_text", "write"]


class Mode(enum.Enum):
    """The ways to send."""

    SEND = "send"
    ROBUST = "robust"
    ASEND = "asend"
    AROBUST = "arobust"

    @property
    def is_async(self) -> bool:
        """Whether receivers are awaited."""
        return self in (Mode.ASEND, Mode.AROBUST)

    @property
    def is_robust(self) -> bool:
        """Whether an error that a receiver raises becomes its response."""
        return self in (Mode.ROBUST, Mode.AROBUST)


class Access(enum.Enum):
    """How a plan gets a receiver from its handle.

    Each value has three parts of source: a statement that reads the handle, the condition that the receiver is alive, and
    a statement that sets `r` to the receiver.
    """

    STRONG = ("r = {handle}", "", "")
    WEAK = ("r = {handle}()", "r is not None", "")
    #: One method, by weak references to its instance and its function.
    METHOD = ("s = {handle}(); f = f_{handle}()", "s is not None and f is not None", "r = MethodType(f, s)")
    #: Consecutive methods of one function `f`, which is read once for all of them.
    SIBLINGS = ("s = {handle}()", "s is not None", "r = MethodType(f, s)")
    #: Receivers of any kind, each with its shape, which is used at every call.
    GENERIC = ("r, shape = {handle}; r = r()", "r is not None", "")


class Run(NamedTuple):
    """Consecutive receivers that are called in the same way."""

    access: Access
    #: The source of the arguments of the call, in parentheses.
    arguments: str
    #: Whether the run is a single receiver, which needs no loop.
    single: bool
    #: What a call returns: "value", "coroutine", or "refused" for a coroutine in a mode that cannot await it.
    result: str


class Text(NamedTuple):
    """Everything that the source of a plan depends on: plans with equal texts share their compiled code."""

    mode: Mode
    #: The names of arguments that are passed to receivers; in the source their values are `v0`, `v1` and so on.
    names: tuple[str, ...]
    #: Names that would be passed on if they were sent. The plan checks that they are not.
    absent: tuple[str, ...]
    #: Whether the plan checks that it was made for the arguments it gets.
    guarded: bool
    #: Whether `names` are all the names that are sent. The plan then only has to check their number.
    exact: bool
    runs: tuple[Run, ...]


@functools.lru_cache(maxsize=2048)
def arguments_text(shape: Shape, given: int, names: tuple[str, ...]) -> str:
    """Return the source of the arguments of a call, in parentheses.

    Args:
        shape: the parameters of the receiver
        given: the number of arguments given by position, which are all passed
        names: the names that are sent and that some receiver takes, without `signal` and `sender`
    """
    parts = ["*arguments"] if given else []
    if shape.forwards:
        return f"({', '.join([*(['sender'] if shape.sender_first else []), *parts, '**named'])})"
    if shape.takes_any_name:
        return f"({', '.join([*parts, 'signal=signal', 'sender=sender', '**named'])})"
    values = {name: f"v{index}" for index, name in enumerate(names)} | {"signal": "signal", "sender": "sender"}
    by_position: set[str] = set()
    # Passing by position is faster, and equivalent until a parameter has to be skipped.
    for index, name in enumerate(shape.positional[given:], given):
        if shape.is_declared or index < shape.positional_only or name not in values:
            break
        parts.append(values[name])
        by_position.add(name)
    by_name = {name: values[name] for name in shape.by_name if name in values and name not in by_position}
    parts += (f"{name}={value}" for name, value in by_name.items() if _is_plain(name))
    quoted = [f"{name!r}: {value}" for name, value in by_name.items() if not _is_plain(name)]
    if quoted:
        parts.append(f"**{{{', '.join(quoted)}}}")
    return f"({', '.join(parts)})"


def _is_plain(name: str) -> bool:
    """Whether a name can be written as a keyword argument. Some parameters of functions written in C cannot."""
    return (
        name.isidentifier()
        and not keyword.iskeyword(name)
        and name != "__debug__"
        and unicodedata.normalize("NFKC", name) == name
    )


def write(text: Text) -> str:
    """Return the Python source of a plan: the function that calls the receivers of a route."""
    loads = [f"v{index} = named[{name!r}]" for index, name in enumerate(text.names)]
    if text.guarded:
        # Receivers are called outside of the handler, or their errors would show the KeyError as their context.
        checked = ["try:", *_indent(loads), "except KeyError:", "    pass", "else:", *_indent(_body(text))]
        lines = [f"if {_conditions(text)}:", *_indent(checked if loads else _body(text))]
        lines.append("return miss(signal, sender, arguments, named)")
    else:
        lines = [*loads, *_body(text)]
    define = f"{'async ' if text.mode.is_async else ''}def plan(signal, sender, arguments, named):"
    plan = [*_unpack(text.runs), define, *_indent(lines), "return plan"]
    return "\n".join(["def bind(groups, miss):", *_indent(plan), ""])


def _indent(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _conditions(text: Text) -> str:
    """Return the condition that the plan fits its arguments, except that `names` are given: reading them checks that."""
    if text.absent and text.exact:
        return f"not arguments and len(named) == {len(text.names)}"
    return " and ".join(["not arguments", *(f"{name!r} not in named" for name in text.absent)])


def _unpack(runs: tuple[Run, ...]) -> list[str]:
    """Return the source that assigns the handles of the runs to variables."""
    lines = [f"{', '.join(f'g{index}' for index in range(len(runs)))}, = groups"] if runs else []
    for index, run in enumerate(runs):
        if run.access is Access.METHOD:
            lines.append(f"g{index}, f_g{index} = g{index}")
        elif run.access is Access.SIBLINGS:
            lines.append(f"f_g{index}, g{index} = g{index}")
    return lines


def _body(text: Text) -> list[str]:
    runs = text.runs
    if not runs:
        return ["return []"]
    handler = ["except Exception as error:", *_indent(["blame(error, r, signal)", "raise"])]
    if len(runs) == 1 and runs[0].single and text.mode is Mode.SEND and runs[0].result == "value":
        call = ["try:", f"    return [(r, {_value(runs[0])})]", *handler]
        return [*_if_alive(runs[0], "g0", call), "return []"]
    lines = ["r = None"]
    if any(run.access is Access.GENERIC for run in runs):
        lines.append("sent = {**named, 'signal': signal, 'sender': sender}")
    calls = ["out = []; add = out.append"]
    for index, run in enumerate(runs):
        calls += _run(run, f"g{index}", text.mode)
    # An error in the responses refers to this frame by its traceback. If the frame still referred to the responses, that
    # reference cycle would keep the receivers alive until a garbage collection.
    leave = (
        ["r = w = s = f = v = add = None; out = [out]", "return out.pop()"] if text.mode.is_robust else ["return out"]
    )
    return [*lines, "try:", *_indent([*calls, *leave]), *handler]


def _run(run: Run, group: str, mode: Mode) -> list[str]:
    """Return the source that calls the receivers of a run."""
    if run.single:
        return _if_alive(run, group, _call(run, mode))
    loop = [f"for w in {group}:", *_indent(_if_alive(run, "w", _call(run, mode)))]
    if run.access is Access.SIBLINGS:
        return [f"f = f_{group}()", "if f is not None:", *_indent(loop)]
    return loop


def _if_alive(run: Run, handle: str, then: list[str]) -> list[str]:
    """Return the source that sets `r` to the receiver and, if it is alive, runs `then`."""
    read, condition, found = run.access.value
    lines = [read.format(handle=handle)]
    if not condition:
        return [*lines, *then]
    return [*lines, f"if {condition}:", *_indent([found, *then] if found else then)]


def _value(run: Run) -> str:
    """Return the source of a receiver's call. A method is called by its function, which is faster and equivalent."""
    if run.access not in (Access.METHOD, Access.SIBLINGS):
        return f"r{run.arguments}"
    return "f(s)" if run.arguments == "()" else f"f(s, {run.arguments[1:]}"


def _call(run: Run, mode: Mode) -> list[str]:
    """Return the source that calls `r` and adds its response."""
    if run.result == "refused":
        return ["add((r, refuse(r, signal)))"]
    value = _value(run)
    if mode is Mode.SEND:
        return [f"add((r, {value}))"]
    lines = [f"v = {value}"]
    if mode.is_async:
        lines = [f"v = await {value}"] if run.result == "coroutine" else [*lines, "if isawaitable(v): v = await v"]
    if mode.is_robust:
        lines = ["try:", *_indent(lines), "except Exception as error: v = blame(error, r, signal)"]
    return [*lines, "add((r, v))"]
