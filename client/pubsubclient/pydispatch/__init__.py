"""PyDispatcher's package layout: ``from pubsubclient.pydispatch import dispatcher, robust, saferef, robustapply, errors``.

The modules only re-export names of `pubsubclient.dispatcher`. A program that cannot change its imports can set
``sys.modules["pydispatch"] = pubsubclient.pydispatch``, and the same for its modules.
"""

from __future__ import annotations

from pubsubclient.pydispatch import dispatcher, errors, robust, robustapply, saferef

__all__ = ["dispatcher", "errors", "robust", "robustapply", "saferef"]
