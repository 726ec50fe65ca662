#!/usr/bin/env bash
# Prometheus beside the Gantry that quickstart.sh started, and Grafana where one is installed. Safe to run again: the token,
# the configuration and the processes are made anew, what was measured stays.
#   --stop        ends both; what was measured stays
#   GANTRY_HOME      where that Gantry keeps its data (default ./.gantry); files of this script are in its directory monitoring
#   PROMETHEUS_PORT  default 9090
#   GRAFANA_PORT     default 3000
set -euo pipefail
cd "$(dirname "$0")/.."
. hack/machine.sh

export GANTRY_HOME="${GANTRY_HOME:-$PWD/.gantry}"
home="$GANTRY_HOME/monitoring"
prometheus_port="${PROMETHEUS_PORT:-9090}"
grafana_port="${GRAFANA_PORT:-3000}"

# runs NAME: whether the process that this script started under this name still is it.
runs() {
  [ -s "$home/$1.pid" ] && [[ "$(tr '\0' ' ' 2>/dev/null <"/proc/$(cat "$home/$1.pid")/cmdline")" == *"$home"* ]]
}
stop() {
  if runs "$1"; then
    say "stopping $1 (pid $(cat "$home/$1.pid"))"
    kill -TERM "$(cat "$home/$1.pid")"
    for _ in $(seq 100); do
      runs "$1" || break
      sleep 0.1
    done
    if runs "$1"; then die "$1 (pid $(cat "$home/$1.pid")) did not stop within 10 seconds; its log is $home/$1.log"; fi
  fi
  rm -f "$home/$1.pid"
}

case "${1:-}" in
  '') ;;
  --stop)
    stop grafana
    stop prometheus
    exit 0
    ;;
  *) die "unknown argument '$1': wanted nothing or --stop" ;;
esac

[ -s "$GANTRY_HOME/kubeconfig" ] || die "$GANTRY_HOME has no kubeconfig: start Gantry with hack/quickstart.sh first, or name its data directory in GANTRY_HOME"
address=$(sed -n 's|^ *server: https://||p' "$GANTRY_HOME/kubeconfig" | head -1)
[ -n "$address" ] || die "$GANTRY_HOME/kubeconfig names no server over https: it is not the one that Gantry writes"
hack/gantry --kubeconfig "$GANTRY_HOME/kubeconfig" get workers >/dev/null || die "Gantry does not answer at $address: start it with hack/quickstart.sh, then run this again"
if ! command -v "${PROMETHEUS:-prometheus}" >/dev/null; then
  install_packages "a Prometheus" prometheus
fi

stop prometheus
# The token is the key to what Gantry tells of itself.
umask 077
say "a token for Prometheus, good for 30 days, and the configuration in $home"
mkdir -p "$home/gantry" "$home/rules"
hack/gantry token create --home "$GANTRY_HOME" --user prometheus --group gantry:monitoring --ttl 720h >"$home/gantry/token"
cp "$GANTRY_HOME/pki/ca.crt" "$home/gantry/ca.crt"
cp manifests/monitoring/rules/*.yml "$home/rules/"
sed "s|127\.0\.0\.1:7443|$address|" manifests/monitoring/prometheus.yml >"$home/prometheus.yml"

say "starting Prometheus at http://127.0.0.1:$prometheus_port"
setsid nohup "${PROMETHEUS:-prometheus}" --config.file="$home/prometheus.yml" --storage.tsdb.path="$home/data" \
  --storage.tsdb.retention.time=15d --web.listen-address="127.0.0.1:$prometheus_port" >"$home/prometheus.log" 2>&1 </dev/null &
echo $! >"$home/prometheus.pid"
targets="http://127.0.0.1:$prometheus_port/api/v1/targets?state=active"
scraped=no
for _ in $(seq 120); do
  runs prometheus || break
  if node -e 'fetch(process.argv[1]).then(async (answer) => {
    const { activeTargets } = (await answer.json()).data;
    const up = new Set(activeTargets.filter(({ health }) => health === "up").map(({ scrapePool }) => scrapePool));
    process.exit(["gantry", "gantry-state", "gantry-containers"].every((job) => up.has(job)) ? 0 : 1);
  }).catch(() => process.exit(1))' "$targets"; then
    scraped=yes
    break
  fi
  sleep 0.5
done
if [ "$scraped" = no ]; then
  tail -5 "$home/prometheus.log" >&2
  die "Prometheus does not scrape Gantry; its log is $home/prometheus.log, and http://127.0.0.1:$prometheus_port/targets says why"
fi
say "Prometheus scrapes Gantry: its processes, objects and containers"

server=$(command -v grafana-server || true)
if [ -z "$server" ]; then
  say "no grafana-server on the PATH: the dashboards are in manifests/monitoring/grafana for the one that you have"
else
  stop grafana
  say "starting Grafana at http://127.0.0.1:$grafana_port"
  GANTRY_PROMETHEUS_URL="http://127.0.0.1:$prometheus_port" GANTRY_DASHBOARDS="$PWD/manifests/monitoring/grafana/dashboards" \
    GF_PATHS_PROVISIONING="$PWD/manifests/monitoring/grafana/provisioning" GF_PATHS_DATA="$home/grafana" GF_PATHS_LOGS="$home/grafana" \
    GF_SERVER_HTTP_ADDR=127.0.0.1 GF_SERVER_HTTP_PORT="$grafana_port" GF_ANALYTICS_REPORTING_ENABLED=false GF_ANALYTICS_CHECK_FOR_UPDATES=false \
    setsid nohup "$server" --homepath "${GRAFANA_HOME:-/usr/share/grafana}" --pidfile "$home/grafana.lock" >"$home/grafana.log" 2>&1 </dev/null &
  echo $! >"$home/grafana.pid"
fi
echo "Look at http://127.0.0.1:$prometheus_port/alerts. End it with hack/monitoring.sh --stop"
