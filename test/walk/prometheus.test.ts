/** The Prometheus files that are shipped, on a real Gantry: every job is up, and what crashes alarms. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { PrometheusProcess, toolOrSkip } from '../monitoring/prometheus.ts';
import { configurationFor, ruleFiles, shippedText, withCertificate } from '../monitoring/shipped.ts';
import { command, eventually, freePort, GantryProcess, type Output } from './process.ts';

const JOBS = ['gantry', 'gantry-containers', 'gantry-state', 'gantry-tasks'];
const WORKLOAD = `
apiVersion: gantry.dev/v1
kind: Task
metadata:
  name: crash
spec:
  image: gantry/hello:1
  command: [sh, -c, exit 3]
  backoff: {initialSeconds: 1, maxSeconds: 2}
---
apiVersion: gantry.dev/v1
kind: Task
metadata:
  name: pond
  annotations: {prometheus.io/scrape: 'true', prometheus.io/port: web, prometheus.io/path: /metrics}
spec:
  image: gantry/hello:1
  command: [sh, -c, 'echo "frogs 5" > /www/metrics && exec httpd -f -p 8080 -h /www']
  ports: [{name: web, containerPort: 8080}]
  terminationGracePeriodSeconds: 0
`;

/** The rules, with a shorter wait of the one alert that is waited for. */
function rulesAtOnce(): Readonly<Record<string, string>> {
  return Object.fromEntries(
    ruleFiles.map((file) => [
      `rules/${file}`,
      shippedText(`rules/${file}`).replace(/(alert: GantryTaskCrashLooping[^]*?for: )10m/, '$11s'),
    ]),
  );
}

describe('The Prometheus files that are shipped, walked', () => {
  let gantry: GantryProcess;
  const started: PrometheusProcess[] = [];

  before(async function () {
    this.timeout(30_000);
    toolOrSkip(this, 'prometheus');
    gantry = await GantryProcess.open();
  });

  after(async function () {
    this.timeout(30_000);
    if (gantry !== undefined) await script(['--stop']);
    await Promise.all(started.map((prometheus) => prometheus.dispose()));
    await gantry?.dispose();
  });

  function script(words: readonly string[], port = 0): Promise<Output> {
    const env = { GANTRY_HOME: gantry.home, PROMETHEUS_PORT: String(port) };
    return command(join(import.meta.dirname, '..', '..', 'hack', 'monitoring.sh'), words, { env });
  }

  async function open(files: Readonly<Record<string, string>>): Promise<PrometheusProcess> {
    const prometheus = await PrometheusProcess.open({
      files: { 'gantry/ca.crt': readFileSync(join(gantry.home, 'pki', 'ca.crt'), 'utf8'), ...files },
    });
    started.push(prometheus);
    return prometheus;
  }

  it('find and scrape everything with a token or a certificate of the group gantry:monitoring, and a Task that crashes alarms', async function () {
    this.timeout(90_000);
    const applied = await gantry.gantry(['apply', '-f', '-'], WORKLOAD);
    expect(applied.code, applied.stderr).to.equal(0);
    const who = ['--home', gantry.home, '--user', 'prometheus', '--group', 'gantry:monitoring'];
    const token = await gantry.gantry(['token', 'create', ...who]);
    expect(token.code, token.stderr).to.equal(0);
    const out = join(gantry.home, 'monitoring');
    const certificate = await gantry.gantry(['certificate', 'create', ...who, '--out', out]);
    expect(certificate.code, certificate.stderr).to.equal(0);

    const configuration = configurationFor(`127.0.0.1:${gantry.securePort}`);
    const [byToken, byCertificate] = await Promise.all([
      open({ 'prometheus.yml': configuration, 'gantry/token': token.stdout, ...rulesAtOnce() }),
      open({
        'prometheus.yml': withCertificate(configuration),
        'gantry/client.crt': readFileSync(join(out, 'client.crt'), 'utf8'),
        'gantry/client.key': readFileSync(join(out, 'client.key'), 'utf8'),
      }),
    ]);
    const targets = await byToken.untilUp(JOBS);
    await byCertificate.untilUp(JOBS);
    expect(targets.map(({ scrapePool }) => scrapePool).toSorted()).to.deep.equal(JOBS);

    const alert = await eventually(
      'GantryTaskCrashLooping fires',
      async () =>
        (await byToken.alerts()).find(({ labels, state }) => labels.task === 'crash' && state === 'firing'),
      45_000,
    );
    expect(alert.labels).to.deep.equal({
      alertname: 'GantryTaskCrashLooping',
      namespace: 'default',
      task: 'crash',
      severity: 'warning',
    });
    expect(alert.annotations.summary).to.equal('Task default/crash keeps crashing');
    const [frogs] = await byToken.query('frogs');
    expect([frogs?.labels.namespace, frogs?.labels.task, frogs?.value]).to.deep.equal(['default', 'pond', 5]);
    expect(frogs?.labels.worker).to.not.equal(undefined);
    const [container] = await byToken.query('container_memory_working_set_bytes{pod="pond"}');
    expect(container?.value).to.be.greaterThan(0);
    expect(container?.labels.worker).to.equal(frogs?.labels.worker);

    const rules = await byToken.rules();
    expect(rules.filter(({ health, lastError = '' }) => health === 'err' || lastError !== '')).to.deep.equal(
      [],
    );
    const firing = (await byToken.alerts()).filter(({ state }) => state === 'firing');
    expect(firing.map(({ labels }) => labels.alertname)).to.deep.equal(['GantryTaskCrashLooping']);
  });

  it('are put to work by one command, with a token of their own, and put away by another', async function () {
    this.timeout(60_000);
    const port = await freePort();
    const begun = await script([], port);
    expect(begun.code, begun.stdout + begun.stderr).to.equal(0);
    expect(begun.stdout).to.contain('Prometheus scrapes Gantry');
    const file = join(gantry.home, 'monitoring', 'gantry', 'token');
    expect((statSync(file).mode & 0o777).toString(8)).to.equal('600');
    const ready = await fetch(`http://127.0.0.1:${port}/-/ready`);
    expect(ready.status).to.equal(200);
    const ended = await script(['--stop']);
    expect(ended.code, ended.stdout + ended.stderr).to.equal(0);
    const refused = await fetch(`http://127.0.0.1:${port}/-/ready`).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(TypeError);
  });
});
