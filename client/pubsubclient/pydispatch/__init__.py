"""The layout of PyDispatcher: ``from pubsubclient.pydispatch import dispatcher, robust, saferef, robustapply, errors``.

Only names are here; what they name is in `pubsubclient.dispatcher`. For programs that cannot change their imports,
``sys.modules["pydispatch"] = pubsubclient.pydispatch`` (and its modules) does the same.
"""

from __future__ import annotations

from pubsubclient.pydispatch import dispatcher, errors, robust, robustapply, saferef

__all__ = ["dispatcher", "errors", "robust", "robustapply", "saferef"]
