# What the scripts beside this file need from the machine. Sourced, never run.
# Every step says what it does; every refusal says what is missing and how to go on.

say() { printf '==> %s\n' "$*"; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# gantry_runs PIDFILE: whether the process named there is a Gantry; after a crash its number may be anybody's.
gantry_runs() {
  [ -s "$1" ] && [[ "$(tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$1")/cmdline")" == *'cli/main.ts up '* ]]
}

# install_packages REASON PACKAGE...: Debian packages that are not there yet, without starting their daemons.
install_packages() {
  local reason="$1" package missing=()
  shift
  for package in "$@"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
  done
  [ "${#missing[@]}" -eq 0 ] && return 0
  command -v apt-get >/dev/null || die "$reason needs the Debian packages ${missing[*]}, and this machine has no apt-get: install them by hand, then run this again"
  [ "$(id -u)" -eq 0 ] || die "$reason needs the Debian packages ${missing[*]}: run this as root, or ask an administrator for 'apt-get install ${missing[*]}'"
  say "installing ${missing[*]} ($reason)"
  # Debian starts a daemon as soon as its package is installed; a policy-rc.d that says no keeps that from happening.
  local policy=/usr/sbin/policy-rc.d made_policy=no
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    made_policy=yes
  fi
  local status=0
  {
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
  } </dev/null >"${TMPDIR:-/tmp}/gantry-apt.log" 2>&1 || status=$?
  if [ "$made_policy" = yes ]; then rm -f "$policy"; fi
  if [ "$status" -ne 0 ]; then
    tail -5 "${TMPDIR:-/tmp}/gantry-apt.log" >&2
    die "apt-get could not install ${missing[*]} (exit $status)"
  fi
}

# ensure_node_packages: node_modules as package-lock.json says. Does nothing when it already is.
ensure_node_packages() {
  command -v npm >/dev/null || die "npm is missing: install Node.js (any version from 20 on; the pinned one comes with the packages), then run this again"
  local wanted stamp=node_modules/.gantry-lock
  wanted=$(sha256sum package-lock.json | cut -d' ' -f1)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    say "npm packages are there"
  else
    # npm ci follows the link and empties the directory behind it, which may be another checkout's.
    [ ! -L node_modules ] || die "$PWD/node_modules is a link to $(readlink node_modules), which npm ci would empty: remove the link, or run this in the checkout that it points to"
    say "installing npm packages (npm ci)"
    npm ci --no-audit --no-fund --loglevel=error
    echo "$wanted" >"$stamp"
  fi
  export PATH="$PWD/node_modules/.bin:$PATH"
}

engine_answers() { command -v docker >/dev/null && timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# ensure_engine: a Docker Engine that answers; the one that is there, or Debian's.
ensure_engine() {
  if engine_answers; then
    say "using the Docker Engine that is there ($(docker version --format '{{.Server.Version}}'))"
    return 0
  fi
  if [ -n "${DOCKER_HOST:-}" ] && command -v docker >/dev/null; then
    die "no Docker Engine answers at DOCKER_HOST=$DOCKER_HOST: start it or unset DOCKER_HOST"
  fi
  install_packages "Docker Engine" docker.io containerd runc iptables
  if engine_answers; then
    say "using the Docker Engine that is there ($(docker version --format '{{.Server.Version}}'))"
    return 0
  fi
  command -v docker >/dev/null || die "the docker command is not on the PATH, though its package is installed: add its directory, usually /usr/bin"
  local socket=/var/run/docker.sock
  if [ -S "$socket" ] && [ ! -w "$socket" ]; then
    die "the Docker Engine at $socket does not let user $(id -un) in: run this as root, or join the group $(stat -c %G "$socket")"
  fi
  [ "$(id -u)" -eq 0 ] || die "no Docker Engine answers, and starting one needs root: run this as root, or start Docker first"
  command -v dockerd >/dev/null || die "dockerd is not on the PATH, so Docker cannot be started: add its directory, usually /usr/sbin"
  say "starting Docker Engine"
  if [ -d /run/systemd/system ]; then
    systemctl start docker
  else
    setsid nohup dockerd --log-level warn >>/var/log/gantry-dockerd.log 2>&1 </dev/null &
  fi
  local tries
  for tries in $(seq 150); do
    engine_answers && return 0
    sleep 0.2
  done
  tail -5 /var/log/gantry-dockerd.log >&2 2>/dev/null || true
  die "Docker Engine did not answer within 30 seconds of its start; its log is /var/log/gantry-dockerd.log"
}
