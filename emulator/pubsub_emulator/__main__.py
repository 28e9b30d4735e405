"""``python -m pubsub_emulator``: the command ``pubsub``."""

from pubsub_emulator.cli import main

raise SystemExit(main())
