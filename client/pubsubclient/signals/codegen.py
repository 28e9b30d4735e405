"""Write the function that a send runs: it calls each receiver directly with the arguments it takes.

Nothing of the user's gets into the text but the names of arguments, as the labels of keywords and as quoted keys, so
no name can clash with one of ours. The receivers come in as data: one text serves all sets of receivers of the same
shape, and what is compiled holds no receiver.
"""

from __future__ import annotations

import enum
import functools
import inspect
import keyword
import types
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any as Untyped
from typing import NamedTuple

from .errors import AsyncReceiverError
from .link import Receiver
from .origin import blame, describe
from .shape import Shape

__all__ = [
    "Held",
    "Mode",
    "Plan",
    "Run",
    "Text",
    "arguments_text",
    "bind",
    "compile_text",
    "compiled",
    "refuse",
    "write",
]

#: A function that sends: (signal, sender, arguments, named) -> responses, or a coroutine that gives them.
Plan = Callable[[Untyped, object, tuple[object, ...], dict[str, object]], Untyped]


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
    METHOD = ("s, f = {handle}; s = s(); f = f()", "s is not None and f is not None", "r = MethodType(f, s)")
    #: Methods of one function: `f`, which is looked at once for all of them.
    SIBLINGS = ("s = {handle}()", "s is not None", "r = MethodType(f, s)")
    #: Any receiver, with its shape, which is asked at every call.
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
    #: How many arguments are given by position.
    given: int
    #: The names that are passed on, `v0` and so on in the text.
    names: tuple[str, ...]
    #: Names that would be passed on if they were given, so the function checks that they are not.
    absent: tuple[str, ...]
    #: Whether the function checks that it was made for the arguments it gets.
    guarded: bool
    runs: tuple[Run, ...]


#: What the text of a generic call passes.
GENERIC_ARGUMENTS = "(*arguments, **shape.select(sent))"


@functools.lru_cache(maxsize=2048)
def arguments_text(shape: Shape, given: int, names: tuple[str, ...]) -> str:
    """The arguments of a call, for a receiver's shape and what is sent.

    Args:
        shape: What the receiver takes.
        given: How many arguments are given by position; all of them are passed.
        names: The names that are sent, besides `signal` and `sender`, and that some receiver takes.
    """
    parts = ["*arguments"] if given else []
    if shape.takes_any_name:
        return f"({', '.join([*parts, 'signal=signal', 'sender=sender', '**named'])})"
    values = {name: f"v{index}" for index, name in enumerate(names)} | {"signal": "signal", "sender": "sender"}
    by_position: set[str] = set()
    # Passing by position is cheaper, and the same as long as no parameter is left out before.
    for index, name in enumerate(shape.positional[given:], given):
        if index < shape.positional_only or name not in values:
            break
        parts.append(values[name])
        by_position.add(name)
    unusual = []
    for name in shape.by_name:
        if name in values and name not in by_position:
            if _is_plain(name):
                parts.append(f"{name}={values[name]}")
            else:
                unusual.append(f"{name!r}: {values[name]}")
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
    define = "async def" if text.mode.is_async else "def"
    loads = [f"v{index} = named[{name!r}]" for index, name in enumerate(text.names)]
    if text.guarded:
        conditions = ["not arguments", *(f"{name!r} not in named" for name in text.absent)]
        # What is called stands outside of every handler, or its errors would show ours as their context.
        checked = ["try:", *_indent(loads), "except KeyError:", "    pass", "else:", *_indent(_body(text))]
        lines = [f"if {' and '.join(conditions)}:", *_indent(checked if loads else _body(text)), _MISS]
    else:
        lines = [*loads, *_body(text)]
    return "\n".join([f"{define} plan(signal, sender, arguments, named, groups, miss):", *_indent(lines), ""])


_MISS = "return miss(signal, sender, arguments, named)"


def _indent(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _body(text: Text) -> list[str]:
    runs = text.runs
    handler = ["except Exception as error:", *_indent(["blame(error, r, signal)", "raise"])]
    if len(runs) == 1 and runs[0].lone and text.mode is Mode.SEND and runs[0].gives != "refused":
        call = ["try:", f"    return [(r, r{runs[0].arguments})]", *handler]
        return [*_reached(runs[0], "groups", call), "return []"]
    if not runs:
        return ["return []"]
    lines = ["r = None"]
    if any(run.held is Held.GENERIC for run in runs):
        lines.append("sent = {**named, 'signal': signal, 'sender': sender}")
    names = ["groups"] if len(runs) == 1 else [f"g{index}" for index in range(len(runs))]
    if len(runs) > 1:
        lines.append(f"{', '.join(names)} = groups")
    calls = ["out = []; add = out.append"]
    for run, name in zip(runs, names, strict=True):
        calls += _run(run, name, text.mode)
    calls.append("return out")
    return [*lines, "try:", *_indent(calls), *handler]


def _run(run: Run, group: str, mode: Mode) -> list[str]:
    """Call the receivers of a run."""
    if run.lone:
        return _reached(run, group, _call(run, mode))
    loop = [f"for w in {group}:", *_indent(_reached(run, "w", _call(run, mode)))]
    if run.held is Held.SIBLINGS:
        return [f"f, {group} = {group}; f = f()", "if f is not None:", *_indent(loop)]
    return loop


def _reached(run: Run, handle: str, then: list[str]) -> list[str]:
    """Set `r` to the receiver, and if it lives, go on."""
    look, condition, found = run.held.value
    lines = [look.format(handle=handle)]
    if not condition:
        return [*lines, *then]
    return [*lines, f"if {condition}:", *_indent([found, *then] if found else then)]


def _call(run: Run, mode: Mode) -> list[str]:
    """Call `r` and add its response."""
    if run.gives == "refused":
        return ["add((r, refuse(r, signal)))"]
    value = f"r{run.arguments}"
    if not mode.is_async and not mode.is_robust:
        return [f"add((r, {value}))"]
    lines = [f"v = {value}"]
    if mode.is_async:
        lines = [f"v = await {value}"] if run.gives == "coroutine" else [*lines, "if isawaitable(v): v = await v"]
    if mode.is_robust:
        lines = ["try:", *_indent(lines), "except Exception as error: v = blame(error, r, signal)"]
    return [*lines, "add((r, v))"]


def refuse(receiver: Receiver, signal: object) -> AsyncReceiverError:
    """The error for an async receiver that is met by a send that cannot await it."""
    where = describe(receiver)
    message = f"{where} is async: send {signal!r} with asend, or connect a receiver that is not"
    return AsyncReceiverError(message, signal=signal, receiver=where)


_NAMESPACE = {
    "MethodType": types.MethodType,
    "blame": blame,
    "isawaitable": inspect.isawaitable,
    "refuse": refuse,
}

#: {text: code}, oldest first.
_codes: dict[Text, types.CodeType] = {}
_MAX_CODES = 512


def compiled(text: Text) -> types.CodeType | None:
    """The code of a function, if it is there already."""
    return _codes.get(text)


def compile_text(text: Text) -> types.CodeType:
    """The code of a function. It costs as much as thousands of calls, and is kept."""
    module = compile(write(text), "<signals>", "exec")
    (code,) = (constant for constant in module.co_consts if isinstance(constant, types.CodeType))
    while len(_codes) >= _MAX_CODES:
        # Threads may do this at once: each removes one, and a key that is gone already is no matter.
        _codes.pop(next(iter(tuple(_codes)), text), None)
    _codes[text] = code
    return code


def bind(code: types.CodeType, groups: object, miss: Plan) -> Plan:
    """A function of that code for these receivers."""
    return types.FunctionType(code, _NAMESPACE, "plan", (groups, miss))
