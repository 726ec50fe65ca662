#!/usr/bin/env bash
# Builds the image gantry/hello:1 without any registry: a root file system of Debian's busybox-static, and a web page.
# The examples and the tests run on it. Does nothing when the image is there and was built by this very script.
#   --force      builds it again
#   DOCKER_HOST  the engine to build it on, as for the docker command
set -euo pipefail
cd "$(dirname "$0")/.."
. hack/machine.sh

IMAGE=gantry/hello:1
LABEL=gantry.dev/sample-image

force=no
for word in "$@"; do
  case "$word" in
    --force) force=yes ;;
    *) die "unknown argument '$word': the only one is --force" ;;
  esac
done

engine_answers || die "no Docker Engine answers at ${DOCKER_HOST:-its default socket} (or the docker command is missing): start it, then run this again"

recipe=$(sha256sum "hack/sample-image.sh" | cut -c1-16)
built=$(docker image inspect --format "{{index .Config.Labels \"$LABEL\"}}" "$IMAGE" 2>/dev/null || true)
if [ "$force" = no ] && [ "$built" = "$recipe" ]; then
  say "sample image $IMAGE is there"
  exit 0
fi

engine_arch=$(docker info --format '{{.Architecture}}')
[ "$engine_arch" = "$(uname -m)" ] || die "the Docker Engine is for $engine_arch and this machine is $(uname -m): its busybox would not run there; run this on a machine like the engine's"

# A busybox that needs no libraries.
static_busybox() {
  local path
  path=$(command -v busybox) && ! ldd "$path" >/dev/null 2>&1 && echo "$path"
}
static_busybox >/dev/null || install_packages "the sample image" busybox-static
busybox=$(static_busybox) || die "busybox at $(command -v busybox || echo '(nowhere)') is not statically linked: install the package busybox-static in its place"

say "building sample image $IMAGE from $busybox"
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,var,www}
chmod 755 "$root"
chmod 1777 "$root/tmp"
cp "$busybox" "$root/bin/busybox"
for applet in $("$busybox" --list); do
  [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
cat >"$root/www/index.html" <<'PAGE'
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Hello from Gantry</title></head>
<body><h1>Hello from Gantry</h1><p>You declared this page, and it runs.</p></body>
</html>
PAGE
# The kernel gives process 1 of a container no default signal handlers, so a bare httpd would sit out TERM until it is
# killed: a shell that traps it ends at once.
cat >"$root/bin/serve" <<'SERVE'
#!/bin/sh
trap 'kill "$server" 2>/dev/null; exit 0' TERM INT
echo "serving /www on port ${PORT:-8080}"
httpd -f -v -p "${PORT:-8080}" -h /www &
server=$!
wait "$server"
SERVE
chmod 755 "$root/bin/serve"

tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -c . |
  docker import \
    --change 'ENV PATH=/bin' \
    --change 'WORKDIR /' \
    --change 'EXPOSE 8080' \
    --change 'CMD ["/bin/serve"]' \
    --change "LABEL $LABEL=$recipe" \
    --message 'busybox and a web page, for examples and tests' \
    - "$IMAGE" >/dev/null
say "sample image $IMAGE is built ($(docker image inspect --format '{{.Size}}' "$IMAGE") bytes)"
