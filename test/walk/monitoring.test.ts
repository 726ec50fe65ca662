/** What Prometheus is told of objects and containers of a real Gantry: clean, true, and where it says that they are. */
import { request } from 'node:https';
import { expect } from 'chai';
import { isRecord } from '../../machinery/json.ts';
import { type Exposition, parseExposition } from '../api/views/metrics/exposition.ts';
import { toolOrSkip } from '../monitoring/prometheus.ts';
import { command, eventually, GantryProcess } from './process.ts';

const MIB = 1024 ** 2;

const task = (name: string, annotations: object, spec: object): object => ({
  apiVersion: 'gantry.dev/v1',
  kind: 'Task',
  metadata: { name, annotations },
  spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 0, ...spec },
});
const scraped = { 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080', 'prometheus.io/path': '/' };
// The subshell is killed, and the container goes on.
const greedy = '(x=$(yes | head -c 60000000); echo "$x") > /dev/null; while :; do :; done';
const WORK = {
  apiVersion: 'v1',
  kind: 'List',
  items: [
    task('web', scraped, {
      ports: [{ containerPort: 8080 }],
      resources: { limits: { memory: '64Mi', cpu: '500m' } },
    }),
    task(
      'greedy',
      {},
      {
        command: ['sh', '-c', greedy],
        resources: { limits: { memory: '16Mi', cpu: '200m' } },
      },
    ),
  ],
};

interface Group {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

describe('Walk: what Prometheus is told of objects and containers', function () {
  this.timeout(90_000);
  let gantry: GantryProcess;
  let token: string;
  before(async () => {
    gantry = await GantryProcess.open();
    const made = await gantry.gantry([
      'token',
      'create',
      '--user',
      'prometheus',
      '--group',
      'gantry:monitoring',
    ]);
    token = made.stdout.trim();
    expect((await gantry.kubectl(['apply', '-f', '-'], JSON.stringify(WORK))).stderr).to.equal('');
  });
  after(() => gantry.dispose());

  /** As Prometheus does: by token, over TLS. */
  const get = (path: string): Promise<{ readonly status: number; readonly text: string }> =>
    new Promise((resolve, reject) => {
      const options = {
        port: gantry.securePort,
        path,
        rejectUnauthorized: false,
        headers: { Authorization: `Bearer ${token}` },
        agent: false,
      };
      request({ host: '127.0.0.1', ...options }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (part: string) => (text += part));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
        answer.on('error', reject);
      })
        .on('error', reject)
        .end();
    });
  const groups = async (path: string): Promise<readonly Group[]> =>
    JSON.parse((await get(`/discovery/prometheus${path}`)).text) as Group[];
  const containersPath = async (): Promise<string> =>
    (await groups('/workers'))[0]?.labels.__metrics_path__ ?? '';
  const containers = async (): Promise<Exposition> =>
    parseExposition((await get(await containersPath())).text);

  it('tells the objects as they become, and all in a form that promtool finds clean', async function () {
    await eventually('web runs, as the metrics say it', async () => {
      const state = parseExposition((await get('/metrics/state')).text);
      const web = { namespace: 'default', task: 'web' };
      const isReady =
        state.count('gantry_task_status_ready') === 2 && state.value('gantry_task_status_ready', web) === 1;
      return isReady && state.value('gantry_task_status_phase', { ...web, phase: 'Running' }) === 1
        ? true
        : undefined;
    });
    const promtool = toolOrSkip(this, 'promtool');
    for (const path of ['/metrics', '/metrics/state', await containersPath()]) {
      const { status, text } = await get(path);
      expect(status, path).to.equal(200);
      const checked = await command(promtool, ['check', 'metrics'], { input: text });
      expect(checked, path).to.deep.equal({ code: 0, stdout: '', stderr: '' });
    }
  });

  it('tells what containers use: limits, throttling, kills for want of memory, traffic', async () => {
    const told = await eventually('greedy lost a process, and is held back', async () => {
      const all = await containers();
      const of = (name: string): number | undefined =>
        all.series.find((each) => each.name === name && each.labels.pod === 'greedy')?.value;
      return (of('container_oom_events_total') ?? 0) > 0 &&
        (of('container_cpu_cfs_throttled_seconds_total') ?? 0) > 0.2
        ? all
        : undefined;
    });
    expect(told.value('container_spec_memory_limit_bytes', { pod: 'greedy' })).to.equal(16 * MIB);
    expect(told.value('container_memory_working_set_bytes', { pod: 'web' })).to.be.within(1, 64 * MIB);
    expect(told.value('container_cpu_usage_seconds_total', { pod: 'greedy' })).to.be.greaterThan(0);
    expect(told.value('container_processes', { pod: 'web' })).to.be.greaterThan(0);
    expect(told.value('machine_cpu_cores')).to.be.greaterThan(0);
    // What comes in over its network is counted.
    const [target] = (await groups('/tasks')).flatMap(({ targets }) => targets);
    const before = told.value('container_network_receive_bytes_total', { pod: 'web', interface: 'eth0' });
    await fetch(`http://${target}/`);
    const after = (await containers()).value('container_network_receive_bytes_total', {
      pod: 'web',
      interface: 'eth0',
    });
    expect(after).to.be.greaterThan(before);
  });

  it('tells where a Task that asks for it is scraped, and the page is there', async () => {
    const [group] = await eventually('its target', async () => {
      const found = await groups('/tasks');
      return found.length > 0 ? found : undefined;
    });
    expect(group?.labels).to.include({
      namespace: 'default',
      task: 'web',
      __scheme__: 'http',
      __metrics_path__: '/',
    });
    const answer = await fetch(`http://${group?.targets[0]}${group?.labels.__metrics_path__}`);
    expect(await answer.text()).to.include('Hello');
    // Stopped, it is none any more.
    expect((await gantry.kubectl(['delete', 'task', 'web', '--wait=false'])).code).to.equal(0);
    await eventually('no target', async () => ((await groups('/tasks')).length === 0 ? true : undefined));
  });

  it('tells nothing else to whoever has that role', async () => {
    for (const path of [
      '/api/v1/secrets',
      '/apis/gantry.dev/v1/namespaces/default/tasks/greedy',
      '/gantry/v1/backup',
    ]) {
      const { status, text } = await get(path);
      const answer: unknown = JSON.parse(text);
      expect([status, isRecord(answer) ? answer.reason : undefined], path).to.deep.equal([403, 'Forbidden']);
    }
  });
});
