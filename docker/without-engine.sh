#!/usr/bin/env bash
# Builds the image without a container engine and prints its id: docker/without-engine.sh [--install] TAG
#
# For tests and CI on Debian and Ubuntu, as root. buildah builds it. Its base is made of Debian's packages instead of pulled, once:
# it is the same Debian and the same minor version of Python as the base that the Dockerfile names. `--install` installs the tools.
# Exit code 3: it cannot be built here; the last line on stderr says why.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=trixie
packages=python3,python3-venv,ca-certificates
tools=(buildah mmdebstrap debian-archive-keyring iproute2)

cannot() { echo "docker/without-engine.sh: $1" >&2; exit 3; }

install=false
if [ "${1:-}" = --install ]; then install=true; shift; fi
tag=${1:?a tag is expected: docker/without-engine.sh [--install] TAG}

[ "$(id -u)" = 0 ] || cannot "root is needed"
command -v apt-get >/dev/null || cannot "Debian or Ubuntu is needed"
if ! type buildah mmdebstrap ip >/dev/null 2>&1 || [ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ]; then
  "$install" || cannot "${tools[*]} are needed: make image installs them"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update && apt-get install --yes --no-install-recommends "${tools[@]}"; } >/dev/null ||
    cannot "apt-get cannot install ${tools[*]}"
fi

base=localhost/pubsub-base:$(sha256sum <<<"$suite $packages" | cut -c 1-12)
if ! docker/buildah.sh inspect --type image "$base" >/dev/null 2>&1; then
  tarball=$(mktemp --suffix .tar)
  trap 'rm -f "$tarball"' EXIT
  mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
  mmdebstrap --quiet --variant=essential --include="$packages" "$suite" "$tarball" "$mirror" >&2
  container=$(docker/buildah.sh from scratch)
  docker/buildah.sh add --quiet "$container" "$tarball" / >/dev/null
  docker/buildah.sh commit --quiet --rm "$container" "$base" >/dev/null
fi

# pip trusts in the build whom it trusts on this machine, such as a company's proxy
certificates=/etc/ssl/certs/ca-certificates.crt
replaced=$(docker/buildah.sh images --quiet "$tag" 2>/dev/null || true)
docker/buildah.sh bud --quiet --isolation chroot --network host --format docker --volume "$certificates:$certificates:ro" \
  --build-arg "BASE=$base" --file docker/Dockerfile --tag "$tag" .
if [ -n "$replaced" ]; then docker/buildah.sh rmi "$replaced" >/dev/null 2>&1 || true; fi
