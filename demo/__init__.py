"""A busy hour of a webhook relay, in seconds: ``make demo``, or ``python -m demo`` where the package is installed.

Read ``__main__`` first, then ``publishing`` and ``consuming``: all of the package that they use is public.
"""
