#!/usr/bin/env bash
# Stops the Gantry that quickstart.sh started, and what monitoring.sh did. Containers keep running, and the next start adopts them.
#   --all  first deletes every Task and what makes Tasks (which removes the containers), then removes the networks and the data directory;
#          named volumes stay, and are listed
set -euo pipefail
cd "$(dirname "$0")/.."
. hack/machine.sh

export GANTRY_HOME="${GANTRY_HOME:-$PWD/.gantry}"
pidfile="$GANTRY_HOME/gantry.pid"
all=no
case "${1:-}" in
  '') ;;
  --all) all=yes ;;
  *) die "unknown argument '$1': wanted nothing or --all" ;;
esac

is_running() { gantry_runs "$pidfile"; }

if [ "$all" = yes ] && [ -d "$GANTRY_HOME" ]; then
  is_running || die "Gantry is not running, so it cannot remove its containers: start it with hack/quickstart.sh, then run this again"
  say "deleting every Task and waiting for its container to go"
  # What makes Tasks goes first: it would make others. What goes by itself meanwhile is gone as well.
  hack/gantry delete jobs,tasksets,runs --all --all-namespaces --ignore-not-found --timeout=60s
  hack/gantry delete tasks --all --all-namespaces --ignore-not-found --timeout=120s
fi

if [ -e "$GANTRY_HOME/monitoring/prometheus.pid" ]; then hack/monitoring.sh --stop; fi

if is_running; then
  pid=$(cat "$pidfile")
  say "stopping Gantry (pid $pid)"
  kill -TERM "$pid"
  for _ in $(seq 120); do
    kill -0 "$pid" 2>/dev/null || break
    sleep 0.25
  done
  if kill -0 "$pid" 2>/dev/null; then die "Gantry (pid $pid) did not stop within 30 seconds; its log is $GANTRY_HOME/gantry.log"; fi
  rm -f "$pidfile"
else
  say "Gantry is not running"
fi

if [ "$all" = yes ] && [ -d "$GANTRY_HOME" ]; then
  # Only what Gantry made, and only where it made it: its own cluster id says that this is its directory.
  [ -s "$GANTRY_HOME/store/cluster-id" ] || die "$GANTRY_HOME does not look like Gantry's data (no store/cluster-id): remove it yourself"
  # A running Gantry takes networks away half a minute after their last Task; this one is gone for good.
  mine="label=gantry.dev/cluster=$(cat "$GANTRY_HOME/store/cluster-id")"
  for network in $(docker network ls --format '{{.Name}}' --filter "$mine"); do
    say "removing the network $network"
    docker network rm "$network" >/dev/null || say "the network $network stays: somebody else's container is on it"
  done
  volumes=$(docker volume ls -q --filter "$mine")
  if [ -n "$volumes" ]; then say "these volumes stay, with what Tasks wrote to them (docker volume rm removes them):" $volumes; fi
  say "removing $GANTRY_HOME"
  rm -rf -- "$GANTRY_HOME"
fi
