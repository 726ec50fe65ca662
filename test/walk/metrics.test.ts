/** What a real Gantry serves at `/metrics` is what docs/metrics.md says, in both directions, and holds no names of anybody's. */
import { expect } from 'chai';
import {
  containerRows,
  familiesOf,
  labelSetsOf,
  processRows,
  type Row,
  stateRows,
} from '../monitoring/metricsdoc.ts';
import { toolOrSkip } from '../monitoring/prometheus.ts';
import { command, eventually, GantryProcess } from './process.ts';

/** In every name that a client gives here; so in no label. */
const MARK = 'zzhostile';
const task = {
  apiVersion: 'gantry.dev/v1',
  kind: 'Task',
  metadata: { name: `${MARK}-task`, namespace: MARK, labels: { [MARK]: MARK } },
  spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 0 },
};
const job = {
  apiVersion: 'gantry.dev/v1',
  kind: 'Job',
  metadata: { name: `${MARK}-job`, namespace: MARK },
  spec: {
    schedule: '* * * * * *',
    concurrencyPolicy: 'Forbid',
    tasks: [{ name: MARK, template: { spec: task.spec } }],
  },
};
const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: MARK } };

describe('Walk: the metrics of a process', function () {
  this.timeout(90_000);
  let gantry: GantryProcess;
  before(async () => {
    gantry = await GantryProcess.open();
    const list = { apiVersion: 'v1', kind: 'List', items: [namespace, task, job] };
    expect((await gantry.kubectl(['apply', '-f', '-'], JSON.stringify(list))).stderr).to.equal('');
    await eventually('the task runs and a run has ended', async () => {
      const text = await read('/metrics');
      return /gantry_tasks\{phase="Running"\} [1-9]/.test(text) &&
        /gantry_cron_fires_total\{result="made"\} [1-9]/.test(text)
        ? true
        : undefined;
    });
  });
  after(async () => gantry.dispose());

  const read = async (path: string): Promise<string> => {
    const { code, stdout, stderr } = await gantry.kubectl(['get', '--raw', path]);
    expect(code, stderr).to.equal(0);
    return stdout;
  };
  const plain = (path: string, init?: RequestInit): Promise<Response> =>
    fetch(`http://127.0.0.1:${gantry.managerPort}${path}`, init);

  function holdsTypes(text: string, rows: readonly Row[]): void {
    const served = [...familiesOf(text)].map(([name, type]) => `${name} ${type}`).sort();
    expect(served).to.deep.equal(rows.map(({ name, type }) => `${name} ${type}`).sort());
  }

  it('are those of the table, no fewer and no more, of the same types, with the same labels', async () => {
    const text = await read('/metrics');
    const rows = processRows().filter(({ onlyWhere }) => ['', 'worker', 'disk'].includes(onlyWhere));
    holdsTypes(text, rows);
    const found = labelSetsOf(text);
    for (const { name, labels } of rows) {
      const sets = found.get(name);
      if (sets !== undefined) expect([...sets], name).to.deep.equal([[...labels].sort().join(',')]);
    }
  });

  it('of the objects and of the containers are those of their tables, too', async () => {
    holdsTypes(await read('/metrics/state'), stateRows());
    const words = ['get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'];
    const { stdout: worker } = await gantry.kubectl(words);
    holdsTypes(await read(`/api/v1/nodes/${worker}/proxy/metrics/cadvisor`), containerRows());
  });

  it('are clean for promtool', async function () {
    const promtool = toolOrSkip(this, 'promtool');
    const { code, stdout, stderr } = await command(promtool, ['check', 'metrics'], {
      input: await read('/metrics'),
    });
    expect([code, stdout + stderr]).to.deep.equal([0, '']);
  });

  it('law: have no name of an object, a user, a field or a path in them, however many are made up', async () => {
    const count = async (): Promise<number> => (await read('/metrics')).split('\n').length;
    const round = async (at: number): Promise<void> => {
      const name = `${MARK}${at}`;
      const body = JSON.stringify({
        ...task,
        metadata: { name, namespace: MARK },
        spec: { image: 7, [name]: at },
      });
      const headers = { 'Content-Type': 'application/json' };
      await Promise.all([
        gantry.kubectl(['create', '-f', '-', '--validate=false'], body),
        gantry.kubectl(['get', 'tasks', name, '-n', name, `--as=${name}`]),
        gantry.kubectl(['get', '--raw', `/apis/gantry.dev/v1/namespaces/${name}/tasks/${name}/${name}`]),
        gantry.kubectl(['get', '--raw', `/apis/${name}/v1/${name}`]),
        plain(`/tasks/${name}?${name}=${name}`, { headers: { [name]: name, 'User-Agent': name } }),
        plain('/tasks', { method: 'POST', headers, body }),
        plain(`/api/jobs/${name}/trigger`, { method: 'POST', headers, body: '{}' }),
        plain(`/${name}`, { method: 'PROPFIND' }).catch(() => undefined),
        plain(`/api/v1/nodes/${name}/proxy/metrics/cadvisor`),
      ]);
    };
    await round(0);
    const before = await count();
    for (let at = 1; at < 4; at++) await round(at);
    expect(await read('/metrics')).not.to.include(MARK);
    // A first refusal of some kind may come late; a series for each name would be dozens.
    expect((await count()) - before).to.be.at.most(20);
  });
});
