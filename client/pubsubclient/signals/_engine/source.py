"""Write the function that a send runs: it calls each receiver directly with the arguments it takes.

The text is a function `bind` that gets the receivers and returns the function. Nothing of the user's gets into it but
the names of arguments, as the labels of keywords and as quoted keys, so no name can clash with one of ours. One text
serves all sets of receivers of the same shapes.
"""

from __future__ import annotations

import enum
import functools
import keyword
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from pubsubclient.signals._engine.signature import Shape

__all__ = ["Held", "Mode", "Run", "Text", "arguments_text", "write"]


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
        """Whether an error of a receiver becomes its response."""
        return self in (Mode.ROBUST, Mode.AROBUST)


class Held(enum.Enum):
    """How a function gets at the receivers of a run.

    The value: what looks at the handle, the condition that the receiver lives, what sets `r` to it.
    """

    STRONG = ("r = {handle}", "", "")
    WEAK = ("r = {handle}()", "r is not None", "")
    #: One method, by its instance and its function.
    METHOD = ("s = {handle}(); f = f_{handle}()", "s is not None and f is not None", "r = MethodType(f, s)")
    #: Methods in a row of one function: `f`, which is looked at once for all of them.
    SIBLINGS = ("s = {handle}()", "s is not None", "r = MethodType(f, s)")
    #: Receivers of any kind, each with its shape, which is asked at every call.
    GENERIC = ("r, shape = {handle}; r = r()", "r is not None", "")


class Run(NamedTuple):
    """Receivers in a row that are called in the same way."""

    held: Held
    #: The text of the arguments of the call, in parentheses.
    arguments: str
    #: Whether it is one receiver: then no loop is needed.
    lone: bool
    #: What the receiver gives: "value", "coroutine", or "refused" for a coroutine that nobody would await.
    gives: str


class Text(NamedTuple):
    """All that the text of a function depends on."""

    mode: Mode
    #: The names that are passed on, `v0` and so on in the text.
    names: tuple[str, ...]
    #: Names that would be passed on if they were given, so the function checks that they are not.
    absent: tuple[str, ...]
    #: Whether the function checks that it was made for the arguments it gets.
    guarded: bool
    #: Whether these are all the names that are sent. Then it is enough to check how many there are.
    exact: bool
    runs: tuple[Run, ...]


@functools.lru_cache(maxsize=2048)
def arguments_text(shape: Shape, given: int, names: tuple[str, ...]) -> str:
    """The arguments of a call, for a receiver's shape and what is sent.

    Args:
        shape: What the receiver takes.
        given: How many arguments are given by position; all of them are passed.
        names: The names that are sent, besides `signal` and `sender`, and that some receiver takes.
    """
    parts = ["*arguments"] if given else []
    if shape.sends_on:
        return f"({', '.join([*(['sender'] if shape.sender_first else []), *parts, '**named'])})"
    if shape.takes_any_name:
        return f"({', '.join([*parts, 'signal=signal', 'sender=sender', '**named'])})"
    values = {name: f"v{index}" for index, name in enumerate(names)} | {"signal": "signal", "sender": "sender"}
    by_position: set[str] = set()
    # Passing by position is cheaper, and the same as long as no parameter is left out before.
    for index, name in enumerate(shape.positional[given:], given):
        if shape.is_told or index < shape.positional_only or name not in values:
            break
        parts.append(values[name])
        by_position.add(name)
    by_name = {name: values[name] for name in shape.by_name if name in values and name not in by_position}
    parts += (f"{name}={value}" for name, value in by_name.items() if _is_plain(name))
    unusual = [f"{name!r}: {value}" for name, value in by_name.items() if not _is_plain(name)]
    if unusual:
        parts.append(f"**{{{', '.join(unusual)}}}")
    return f"({', '.join(parts)})"


def _is_plain(name: str) -> bool:
    """Whether a name can be written as a keyword. A function written in C may have parameters that cannot."""
    return (
        name.isidentifier()
        and not keyword.iskeyword(name)
        and name != "__debug__"
        and unicodedata.normalize("NFKC", name) == name
    )


def write(text: Text) -> str:
    """The source of a function."""
    loads = [f"v{index} = named[{name!r}]" for index, name in enumerate(text.names)]
    if text.guarded:
        # What is called stands outside of every handler, or its errors would show ours as their context.
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
    """What has to hold of the arguments. That all `names` are there shows when they are fetched."""
    if text.absent and text.exact:
        return f"not arguments and len(named) == {len(text.names)}"
    return " and ".join(["not arguments", *(f"{name!r} not in named" for name in text.absent)])


def _unpack(runs: tuple[Run, ...]) -> list[str]:
    """Name the handles of the runs."""
    lines = [f"{', '.join(f'g{index}' for index in range(len(runs)))}, = groups"] if runs else []
    for index, run in enumerate(runs):
        if run.held is Held.METHOD:
            lines.append(f"g{index}, f_g{index} = g{index}")
        elif run.held is Held.SIBLINGS:
            lines.append(f"f_g{index}, g{index} = g{index}")
    return lines


def _body(text: Text) -> list[str]:
    runs = text.runs
    if not runs:
        return ["return []"]
    handler = ["except Exception as error:", *_indent(["blame(error, r, signal)", "raise"])]
    if len(runs) == 1 and runs[0].lone and text.mode is Mode.SEND and runs[0].gives == "value":
        call = ["try:", f"    return [(r, {_value(runs[0])})]", *handler]
        return [*_reached(runs[0], "g0", call), "return []"]
    lines = ["r = None"]
    if any(run.held is Held.GENERIC for run in runs):
        lines.append("sent = {**named, 'signal': signal, 'sender': sender}")
    calls = ["out = []; add = out.append"]
    for index, run in enumerate(runs):
        calls += _run(run, f"g{index}", text.mode)
    # An error that is a response refers to this frame, by its traceback. Were the responses still in it, that circle
    # would keep the receivers alive until the garbage collector comes.
    leave = (
        ["r = w = s = f = v = add = None; out = [out]", "return out.pop()"] if text.mode.is_robust else ["return out"]
    )
    return [*lines, "try:", *_indent([*calls, *leave]), *handler]


def _run(run: Run, group: str, mode: Mode) -> list[str]:
    """Call the receivers of a run."""
    if run.lone:
        return _reached(run, group, _call(run, mode))
    loop = [f"for w in {group}:", *_indent(_reached(run, "w", _call(run, mode)))]
    if run.held is Held.SIBLINGS:
        return [f"f = f_{group}()", "if f is not None:", *_indent(loop)]
    return loop


def _reached(run: Run, handle: str, then: list[str]) -> list[str]:
    """Set `r` to the receiver, and if it lives, go on."""
    look, condition, found = run.held.value
    lines = [look.format(handle=handle)]
    if not condition:
        return [*lines, *then]
    return [*lines, f"if {condition}:", *_indent([found, *then] if found else then)]


def _value(run: Run) -> str:
    """The call of a receiver. What a method does is its function's: calling that is cheaper, and the same."""
    if run.held not in (Held.METHOD, Held.SIBLINGS):
        return f"r{run.arguments}"
    return "f(s)" if run.arguments == "()" else f"f(s, {run.arguments[1:]}"


def _call(run: Run, mode: Mode) -> list[str]:
    """Call `r` and add its response."""
    if run.gives == "refused":
        return ["add((r, refuse(r, signal)))"]
    value = _value(run)
    if mode is Mode.SEND:
        return [f"add((r, {value}))"]
    lines = [f"v = {value}"]
    if mode.is_async:
        lines = [f"v = await {value}"] if run.gives == "coroutine" else [*lines, "if isawaitable(v): v = await v"]
    if mode.is_robust:
        lines = ["try:", *_indent(lines), "except Exception as error: v = blame(error, r, signal)"]
    return [*lines, "add((r, v))"]
