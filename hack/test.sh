#!/usr/bin/env bash
# Installs what the tests need and runs every check and every test. Ends with a line "N passed, N failed".
#   --long       many more rounds of the crash, property and simulation tests
#   other words  are handed to mocha: hack/test.sh test/store/*.test.ts
set -euo pipefail
cd "$(dirname "$0")/.."
. hack/machine.sh

files=()
bound=1200 # seconds for the tests alone; a run that hangs must end
for word in "$@"; do
  case "$word" in
    --long)
      export GANTRY_TEST_LONG=1
      bound=10800
      ;;
    *) files+=("$word") ;;
  esac
done

ensure_node_packages
ensure_engine
install_packages "proof that writes are flushed to the disk" strace
install_packages "certificates checked by another implementation" openssl
if ! command -v "${KUBECTL:-kubectl}" >/dev/null; then
  install_packages "tests with the real kubectl" kubernetes-client
fi
install_packages "an engine of its own that a test may kill" iproute2
install_packages "a clock that jumps" faketime
install_packages "the Python client as a foreign witness" python3-kubernetes
install_packages "Python's gRPC as a foreign client of the job runner" python3-grpcio python3-protobuf
if ! command -v "${ETCD:-etcd}" >/dev/null || ! command -v "${ETCDCTL:-etcdctl}" >/dev/null; then
  install_packages "tests on a real etcd" etcd-server etcd-client
fi
if ! command -v "${DOCKER_REGISTRY:-docker-registry}" >/dev/null; then
  install_packages "tests on a real image registry" docker-registry
fi
if ! command -v "${PROMETHEUS:-prometheus}" >/dev/null || ! command -v "${PROMTOOL:-promtool}" >/dev/null; then
  install_packages "tests with a real Prometheus" prometheus
fi
hack/worktypes-image.sh

if [ "${#files[@]}" -eq 0 ]; then
  say "types, lint, format, generated files, dead code"
  npm run --silent check
  npm run --silent lint
  npm run --silent format:ci
  npm run --silent gen -- --check
  # It has something to look up in the network only for files that import others than Google's own.
  BUF_CACHE_DIR="${TMPDIR:-/tmp}/gantry-buf" node_modules/.bin/buf lint schemas/proto
  npm run --silent dead
fi
[ "${#files[@]}" -gt 0 ] || files=('test/**/*.test.ts')
say "tests"
# Three files at a time: much of the time is an engine's. Each file has its own processes, ports and names.
exec timeout --foreground "$bound" node node_modules/mocha/bin/mocha.js --parallel --jobs 3 "${files[@]}"
