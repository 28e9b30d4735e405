#!/usr/bin/env bash
# buildah over a storage of its own in the user's cache, which may be deleted at any time. For docker/without-engine.sh and the tests.
set -euo pipefail
storage=${XDG_CACHE_HOME:-$HOME/.cache}/pubsub-image
mkdir -p "$storage"
# overlay does not work on top of overlay, which the files of a container are on
if [ "$(stat --file-system --format %T "$storage")" = overlayfs ]; then driver=vfs; else driver=overlay; fi
exec buildah --root "$storage/$driver" --runroot "$storage/$driver-run" --storage-driver "$driver" "$@"
