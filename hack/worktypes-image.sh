#!/usr/bin/env bash
# Builds the image gantry/worktypes:1 without any registry: the root file system of the sample image, and a program for
# each work type that ships (hack/worktypes). The templates of manifests/templates run on it. Does nothing when the image is
# there and was built from these very files.
#   --force      builds it again
#   --docker     builds gantry/docker:1, too: the same with this machine's docker command, which must be a static one
#   DOCKER_HOST  the engine to build it on, as for the docker command
set -euo pipefail
cd "$(dirname "$0")/.."
. hack/machine.sh

BASE=gantry/hello:1
IMAGE=gantry/worktypes:1
DOCKER_IMAGE=gantry/docker:1
LABEL=gantry.dev/worktypes-image

force=no
docker=no
for word in "$@"; do
  case "$word" in
    --force) force=yes ;;
    --docker) docker=yes ;;
    *) die "unknown argument '$word': there are --force and --docker" ;;
  esac
done

# In a shell of its own, which clears up after itself.
build() (
  say "building image $IMAGE from $BASE and hack/worktypes"
  root=$(mktemp -d)
  container=$(docker create "$BASE")
  trap 'rm -rf "$root"; docker rm "$container" >/dev/null' EXIT
  docker export "$container" | tar -C "$root" -x bin etc/passwd etc/group
  rm "$root/bin/serve"
  mkdir -p "$root"/{dev,proc,sys,tmp,worktypes}
  chmod 755 "$root"
  chmod 1777 "$root/tmp"
  cp hack/worktypes/* "$root/worktypes"
  chmod 755 "$root/worktypes" "$root"/worktypes/*

  tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$root" -c . |
    docker import \
      --change 'ENV PATH=/bin' \
      --change 'WORKDIR /' \
      --change 'USER 65534:65534' \
      --change 'CMD ["/worktypes/noop"]' \
      --change "LABEL $LABEL=$recipe" \
      --message 'busybox and the work types that ship' \
      - "$IMAGE" >/dev/null
  say "image $IMAGE is built ($(docker image inspect --format '{{.Size}}' "$IMAGE") bytes)"
)

build_docker() (
  command=$(command -v docker)
  container=$(docker create "$IMAGE")
  trap 'docker rm "$container" >/dev/null' EXIT
  docker cp --follow-link --quiet "$command" "$container:/bin/docker"
  docker commit --change 'ENTRYPOINT []' "$container" "$DOCKER_IMAGE" >/dev/null
  docker run --rm --network none "$DOCKER_IMAGE" docker --version >/dev/null ||
    die "$command does not run in $DOCKER_IMAGE: it must be a static one, as Docker's own download is"
  say "image $DOCKER_IMAGE is built"
)

hack/sample-image.sh
base=$(docker image inspect --format '{{.Id}}' "$BASE")
recipe=$({ echo "$base"; cat hack/worktypes-image.sh hack/worktypes/*; } | sha256sum | cut -c1-16)
built=$(docker image inspect --format "{{index .Config.Labels \"$LABEL\"}}" "$IMAGE" 2>/dev/null || true)
if [ "$force" = no ] && [ "$built" = "$recipe" ]; then
  say "image $IMAGE is there"
else
  build
fi
if [ "$docker" = yes ]; then build_docker; fi
