#!/bin/sh
# Builds the image with buildah, which needs no daemon: `make image`. As root on Debian or Ubuntu it installs what is
# missing. BASE names the base image; without it, and where its registry cannot be reached, a base of Debian's own
# packages is made with debootstrap. IMAGE, STORE and BASE may be set in the environment.
set -eu
cd "$(dirname "$0")/.."
IMAGE=${IMAGE:-localhost/reconcile:latest}
STORE=${STORE:-${TMPDIR:-/tmp}/reconcile-image}
OWN_BASE=localhost/reconcile-base:trixie
DEFAULT_BASE=docker.io/library/$(sed -n 's/^ARG BASE=//p' Dockerfile)

image_tool() {
  buildah --storage-driver vfs --root "$STORE/storage" --runroot "$STORE/run" "$@"
}

install_tools() {
  for tool in "$@"; do
    command -v "$tool" >/dev/null && continue
    [ "$(id -u)" = 0 ] || { echo "$tool is missing, and only root can install it: apt-get install $*" >&2; exit 1; }
    apt-get update -q >/dev/null
    apt-get install -qy --no-install-recommends "$@" >/dev/null
    return
  done
}

# Python as Debian packages it, compiled, and nothing else that the image needs.
make_own_base() {
  image_tool inspect --type image "$OWN_BASE" >/dev/null 2>&1 && return
  install_tools debootstrap
  rm -rf "$STORE/base"
  mkdir -p "$STORE/base"
  debootstrap --variant=minbase --include=ca-certificates,python3-minimal,python3-venv trixie "$STORE/base/root" \
    >"$STORE/debootstrap.log" 2>&1 || { tail -20 "$STORE/debootstrap.log" >&2; exit 1; }
  tar -C "$STORE/base/root" --exclude='./var/cache/apt/archives/*.deb' --exclude='./var/lib/apt/lists/*' \
    -cf "$STORE/base/root.tar" .
  printf 'FROM scratch\nADD root.tar /\n' >"$STORE/base/Dockerfile"
  rm -rf "$STORE/base/root"
  image_tool bud --isolation chroot --quiet --tag "$OWN_BASE" "$STORE/base" >/dev/null
  rm -rf "$STORE/base"
}

install_tools buildah
mkdir -p "$STORE"
base=${BASE:-$DEFAULT_BASE}
if ! image_tool pull --quiet "$base" >"$STORE/pull.log" 2>&1; then
  if [ -n "${BASE:-}" ] && ! image_tool inspect --type image "$BASE" >/dev/null 2>&1; then
    cat "$STORE/pull.log" >&2
    exit 1
  fi
  if [ -z "${BASE:-}" ]; then
    echo "$base cannot be had here: the base is made of Debian's packages" >&2
    make_own_base
    base=$OWN_BASE
  fi
fi
# The Docker format, since the other one has no HEALTHCHECK. The host's certificates, for a network with its own.
image_tool bud --isolation chroot --format docker --pull-never --quiet \
  --volume /etc/ssl/certs:/etc/ssl/certs:ro \
  --build-arg "BASE=$base" \
  --build-arg "VERSION=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' reconciler/__init__.py)" \
  --build-arg "REVISION=$(git describe --always --dirty --abbrev=40 2>/dev/null || echo unknown)" \
  --label "org.opencontainers.image.base.name=$base" \
  --tag "$IMAGE" . >"$STORE/build.log" 2>&1 || { tail -30 "$STORE/build.log" >&2; exit 1; }
image_tool images --format "{{.Name}}:{{.Tag}} {{.Size}}" --filter "reference=$IMAGE"
