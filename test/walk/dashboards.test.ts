/** Every query of every panel, asked of a real Prometheus that scrapes a real Gantry while it has all kinds of work. */
import { expect } from 'chai';
import { VARIABLES } from '../../hack/dashboards/dashboard.ts';
import { DASHBOARDS } from '../../hack/dashboards/list.ts';
import type { Panel, Query } from '../../hack/dashboards/panel.ts';
import { fillIn } from '../monitoring/grafana.ts';
import { type PrometheusProcess, toolOrSkip } from '../monitoring/prometheus.ts';
import { openPrometheusOn } from '../monitoring/scrape.ts';
import { command, eventually, GantryProcess } from './process.ts';

/** What this workload does not bring about: the reasons panels give for being empty, word for word. */
const NOT_HERE = new Set([
  'no alert fires',
  'every Worker is ready',
  'no Worker has a taint',
  'the store is embedded and not an etcd',
  'the store has no limit',
  'the store is not shared, so that nobody need be elected',
  'nobody calls the job runner over gRPC',
  'no request was refused for want of a seat since the server began',
  'no audit event was lost since the server began',
  'no commit has failed since the server began',
  'no client was let go since the server began',
  'no reconciliation has failed since the controllers began',
  'no reconciliation has failed for good since the controllers began',
  'nothing was tried again since the controllers began',
  'no Event was dropped since the controllers began',
  'no binding has failed since the scheduler began',
  'no Job is overdue',
  // Pulls here fail: no image is fetched from a registry.
  'no image is pulled',
  // In containers that only sleep and serve a page from memory.
  'no container has touched a block device',
]);
const WINDOW = '20s';
const STEP_SECONDS = 1;

interface Asked {
  readonly where: string;
  readonly panel: Panel;
  readonly query: Query;
}
const asked: readonly Asked[] = DASHBOARDS.flatMap((dashboard) =>
  dashboard.rows.flatMap(({ panels }) =>
    panels.flatMap((panel) =>
      panel.queries.map((query) => ({ where: `${dashboard.uid} / ${panel.title}`, panel, query })),
    ),
  ),
);

const image = { image: 'gantry/hello:1', imagePullPolicy: 'IfNotPresent', terminationGracePeriodSeconds: 0 };
const limits = { resources: { limits: { cpu: '100m', memory: '16Mi' } } };
const sh = (script: string): object => ({ ...image, ...limits, command: ['sh', '-c', script] });
const of = (kind: string, name: string, spec: object): object => ({
  apiVersion: 'gantry.dev/v1',
  kind,
  metadata: { name },
  spec,
});
const shop = (page: string): object =>
  of('TaskSet', 'shop', {
    replicas: 2,
    selector: { matchLabels: { app: 'shop' } },
    strategy: { maxSurge: 1, maxUnavailable: 0 },
    template: {
      metadata: { labels: { app: 'shop' } },
      spec: {
        ...image,
        ...limits,
        command: ['sh', '-c', `echo ${page} > /index.html; exec httpd -f -p 8080 -h /`],
        stopSignal: 'SIGKILL',
        ports: [{ name: 'http', containerPort: 8080 }],
        readinessProbe: { httpGet: { port: 'http' }, periodSeconds: 1 },
      },
    },
  });
const job = (name: string, schedule: string, script: string): object =>
  of('Job', name, { schedule, tasks: [{ name: 'work', template: { spec: sh(script) } }] });

const WORK: readonly object[] = [
  of('Task', 'crash', {
    ...sh('exit 3'),
    restartPolicy: 'Always',
    backoff: { initialSeconds: 1, maxSeconds: 1 },
  }),
  of('Task', 'failed', { ...sh('exit 4'), restartPolicy: 'Never' }),
  of('Task', 'huge', { ...image, command: ['true'], resources: { requests: { cpu: '1000' } } }),
  of('Task', 'unknown-image', { ...image, image: '127.0.0.1:9/none:1' }),
  shop('open'),
  // A set of which one never gets ready: its command does not serve.
  of('TaskSet', 'closed', {
    replicas: 1,
    selector: { matchLabels: { app: 'closed' } },
    template: {
      metadata: { labels: { app: 'closed' } },
      spec: { ...sh('sleep 600'), readinessProbe: { exec: { command: ['false'] }, periodSeconds: 1 } },
    },
  }),
  job('ticks', '*/2 * * * * *', 'true'),
  job('breaks', '*/3 * * * * *', 'exit 1'),
];

describe('Dashboards on a real Prometheus', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;
  let prometheus: PrometheusProcess;
  before(async function () {
    toolOrSkip(this, 'prometheus');
    gantry = await GantryProcess.open();
    prometheus = await openPrometheusOn(gantry);
  });
  after(async () => {
    await prometheus?.dispose();
    await gantry?.dispose();
  });

  const ok = async (words: readonly string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await gantry.kubectl(words, input);
    expect(code, `kubectl ${words.join(' ')}\n${stderr}`).to.equal(0);
    return stdout;
  };
  const apply = (objects: readonly object[]): Promise<string> =>
    ok(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const until = (what: string, expression: string): Promise<true> =>
    eventually(
      what,
      async () => ((await prometheus.query(expression)).length > 0 ? true : undefined),
      30_000,
    );

  it('no query is refused, and none is empty that should not be', async () => {
    const startSeconds = Math.floor(Date.now() / 1000);
    const watch = await fetch(
      `http://127.0.0.1:${gantry.managerPort}/apis/gantry.dev/v1/tasks?watch=true&timeoutSeconds=15`,
    );
    const watched = watch.text();
    await apply(WORK);
    const refused = await gantry.kubectl(
      ['create', '-f', '-'],
      JSON.stringify(of('Task', 'wrong', { image: 'x', restartPolicy: 'Sometimes' })),
    );
    expect(refused.code).to.not.equal(0);
    await until('both of the shop are ready', 'gantry_taskset_status_replicas_ready{taskset="shop"} == 2');
    const one = await eventually(
      'the container of the closed set runs',
      async () => (await gantry.containers(['name=closed', 'status=running']))[0],
    );
    await command('docker', ['pause', one]);
    await apply([shop('closed')]);

    await until('drift was repaired', 'sum(gantry_task_drift_repaired_total) > 0');
    await until('the rollout ended', 'gantry_taskset_rollouts_total{result="completed"} > 0');
    await until('the crashing Task is restarted', 'gantry_task_status_restarts_total{task="crash"} > 2');
    await until('Runs completed', 'gantry_runs_ended_total{state="completed"} > 2');
    await until('Runs failed', 'gantry_runs_ended_total{state="failed"} > 1');
    await until('the watch ended', 'gantry_watch_ended_total{reason="timeout"} > 0');
    await watched;
    const endSeconds = Math.ceil(Date.now() / 1000);

    const broken: string[] = [];
    const empty: string[] = [];
    const withoutColumn: string[] = [];
    for (const { where, panel, query } of asked) {
      const filled = fillIn(query.expr, { window: WINDOW });
      try {
        const labels =
          panel.kind === 'lines'
            ? (await prometheus.queryRange(filled, { startSeconds, endSeconds, stepSeconds: STEP_SECONDS }))
                .filter(({ points }) => points.some(([, value]) => !Number.isNaN(value)))
                .map((series) => series.labels)
            : (await prometheus.query(filled))
                .filter(({ value }) => !Number.isNaN(value))
                .map((sample) => sample.labels);
        if (labels.length === 0 && !NOT_HERE.has(query.emptyWhile ?? '')) empty.push(`${where}: ${filled}`);
        const columns = (panel.links ?? []).flatMap(({ url }) =>
          [...url.matchAll(/__data\.fields\.(\w+)/g)].map((match) => match[1] ?? ''),
        );
        if (labels.some((has) => columns.some((column) => (has[column] ?? '') === '')))
          withoutColumn.push(`${where}: ${columns.join(', ')}`);
      } catch (error) {
        broken.push(`${where}: ${String(error)}`);
      }
    }
    expect(broken, 'refused by Prometheus').to.deep.equal([]);
    expect(empty, 'empty').to.deep.equal([]);
    expect(withoutColumn, 'rows without what their links need').to.deep.equal([]);

    const sets = Object.entries(VARIABLES).map(([name, { query }]) => {
      const [, selector = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query) ?? [];
      return { name, expression: `count by (${label}) (${fillIn(selector, { window: WINDOW })})`, label };
    });
    for (const { name, expression, label } of sets) {
      const values = (await prometheus.query(expression)).map(({ labels }) => labels[label]);
      expect(values, `values of $${name}`).to.not.deep.equal([]);
    }
  });

  it('one Task alone is shown where its name is chosen', async () => {
    const tasks = DASHBOARDS.find(({ uid }) => uid === 'gantry-tasks');
    const panels = tasks?.rows.flatMap((row) => row.panels) ?? [];
    const which = panels.find(({ title }) => title === 'Tasks')?.queries[0]?.expr ?? '';
    const only = fillIn(which.replaceAll('$task', 'crash'), { window: WINDOW });
    expect((await prometheus.query(only)).map(({ labels }) => labels.task)).to.deep.equal(['crash']);
  });

  it('what rows link to in the API is there', async () => {
    const names: Readonly<Record<string, string>> = {
      namespace: 'default',
      task: 'failed',
      taskset: 'shop',
      run: (await prometheus.query('gantry_run_info'))[0]?.labels.run ?? '',
      worker: (await prometheus.query('gantry_worker_info'))[0]?.labels.worker ?? '',
    };
    const begin = '$' + '{gantry}';
    const paths = new Set(
      asked.flatMap(({ panel }) =>
        (panel.links ?? [])
          .filter(({ url }) => url.startsWith(begin))
          .map(({ url }) =>
            url
              .slice(begin.length)
              .replaceAll(/\$\{__data\.fields\.(\w+)\}/g, (_whole, name: string) => names[name] ?? ''),
          ),
      ),
    );
    expect(paths.size).to.be.greaterThan(5);
    for (const path of paths) await ok(['get', '--raw', path]);
  });
});
