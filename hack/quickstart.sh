#!/usr/bin/env bash
# From a fresh clone to a running, healthy Task. Safe to run again: what is done stays done.
#   GANTRY_HOME  where Gantry keeps its data (default ./.gantry)
set -euo pipefail
cd "$(dirname "$0")/.."
. hack/machine.sh

export GANTRY_HOME="${GANTRY_HOME:-$PWD/.gantry}"
log="$GANTRY_HOME/gantry.log"
pidfile="$GANTRY_HOME/gantry.pid"

ensure_node_packages
ensure_engine
hack/sample-image.sh

# What is made here is its owner's alone, the log too.
umask 077
mkdir -p "$GANTRY_HOME"
is_running() { gantry_runs "$pidfile"; }
if is_running; then
  say "Gantry is running already (pid $(cat "$pidfile"))"
else
  say "starting Gantry in the background (data in $GANTRY_HOME, log in $log)"
  setsid nohup hack/gantry up --dev --pid-file "$pidfile" >>"$log" 2>&1 </dev/null &
  launched=$!
fi

say "waiting until it is ready"
ready=no
for _ in $(seq 60); do
  if is_running && [ -s "$GANTRY_HOME/kubeconfig" ] && hack/gantry get namespaces >/dev/null 2>&1; then
    ready=yes
    break
  fi
  if [ -n "${launched:-}" ] && ! kill -0 "$launched" 2>/dev/null; then break; fi
  sleep 0.25
done
if [ "$ready" = no ]; then
  tail -5 "$log" >&2
  die "Gantry did not become ready; its log is $log"
fi

say "applying manifests/examples/hello.yaml"
hack/gantry apply -f manifests/examples/hello.yaml
say "waiting until the Task is Ready"
hack/gantry wait task/hello --for=condition=Ready --timeout=60s
port=$(hack/gantry get task hello -o 'jsonpath={.status.ports[0].hostPort}')
say "fetching http://127.0.0.1:$port/"
node -e 'fetch(process.argv[1], { signal: AbortSignal.timeout(5000) }).then(async (answer) => {
  if (!answer.ok) throw new Error(`the page answered ${answer.status}`);
  console.log((await answer.text()).trim());
}).catch((error) => { console.error(`error: ${error.message}`); process.exit(1); })' "http://127.0.0.1:$port/"

echo
say "Gantry runs, and so does your first Task"
echo "  kubeconfig   $GANTRY_HOME/kubeconfig"
echo "  log          $log"
echo "Try next:"
if [ "$GANTRY_HOME" != "$PWD/.gantry" ]; then echo "  export GANTRY_HOME=$GANTRY_HOME"; fi
echo "  hack/gantry describe task hello"
echo "  docker kill \$(hack/gantry get task hello -o 'jsonpath={.status.container.name}'); hack/gantry get tasks -w"
if command -v kubectl >/dev/null; then
  echo "  kubectl --kubeconfig $GANTRY_HOME/kubeconfig get tasks,workers -o wide"
else
  echo "  hack/gantry get workers -o wide   (kubectl with the kubeconfig above shows the same)"
fi
echo "Stop it (containers keep running; with --all they and the data are removed):"
echo "  hack/down.sh"
