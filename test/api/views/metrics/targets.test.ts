/** Which Tasks ask to be scraped, and where Prometheus reaches them. */
import { expect } from 'chai';
import {
  addressesOf,
  scrapeWishOf,
  type TargetGroup,
  taskTarget,
  workerTarget,
} from '../../../../api/views/metrics/targets.ts';
import type { Task } from '../../../../schemas/types.gen.ts';
import { newTask, newWorker } from '../../../builders.ts';

interface Row {
  readonly title: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly spec?: Partial<Task['spec']>;
  readonly status?: Task['status'];
  /** Its worker's address. */
  readonly worker?: string;
  readonly target?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

const published = (hostIP: string, ip?: string): Task['status'] => ({
  ...(ip === undefined ? {} : { ip }),
  ports: [{ containerPort: 8080, protocol: 'TCP', hostIP, hostPort: 32_000 }],
});
const web = {
  ports: [
    { containerPort: 53, protocol: 'UDP' },
    { name: 'web', containerPort: 8080 },
  ],
} as const;

const rows: readonly Row[] = [
  { title: 'one that does not ask is none', annotations: { 'prometheus.io/scrape': 'false' } },
  { title: 'one that does not run is none', status: { phase: 'Pending', ip: '10.0.0.2' } },
  { title: 'without a port, and none declared, there is nothing to ask', spec: { ports: [] } },
  { title: 'a port that is none is not asked', annotations: { 'prometheus.io/port': '70000' } },
  { title: 'nor one by a name that no port has', annotations: { 'prometheus.io/port': 'metrics' } },
  { title: 'nor by another scheme than HTTP', annotations: { 'prometheus.io/scheme': 'ftp' } },
  { title: 'an address that is not known yet is not made up', status: {} },
  {
    title: 'the first declared port that speaks TCP is taken',
    status: { ip: '10.0.0.2' },
    target: '10.0.0.2:8080',
  },
  {
    title: 'a port is taken by its name',
    annotations: { 'prometheus.io/port': 'web' },
    status: { ip: '10.0.0.2' },
    target: '10.0.0.2:8080',
  },
  {
    title: 'one that nobody declared is taken by its number',
    annotations: { 'prometheus.io/port': '9100' },
    status: { ip: '10.0.0.2' },
    target: '10.0.0.2:9100',
  },
  {
    title: 'a published port is told as it is outside',
    status: published('192.0.2.9', '10.0.0.2'),
    target: '192.0.2.9:32000',
  },
  {
    title: 'published for its machine alone, it is at its own address: elsewhere loopback is somebody else',
    status: published('127.0.0.1', '10.0.0.2'),
    target: '10.0.0.2:8080',
  },
  { title: 'and none before that is known', status: published('127.0.0.1') },
  { title: 'nor on the other loopback', status: published('::1') },
  {
    title: 'published everywhere, on a worker that has only its loopback, it is at its own address, too',
    status: published('0.0.0.0', '10.0.0.2'),
    worker: '127.0.0.1',
    target: '10.0.0.2:8080',
  },
  { title: 'a path longer than any is not asked', annotations: { 'prometheus.io/path': 'x'.repeat(1025) } },
  {
    title: 'published everywhere it is where the worker is',
    status: published('0.0.0.0'),
    target: '192.0.2.7:32000',
  },
  {
    title: 'an IPv6 address is put into brackets',
    status: published('2001:db8::1'),
    target: '[2001:db8::1]:32000',
  },
  {
    title: 'on the machine’s own network it is the worker’s address',
    spec: { network: { mode: 'host' } },
    target: '192.0.2.7:8080',
  },
  {
    title: 'path and scheme are taken over, the path with its slash',
    annotations: { 'prometheus.io/path': 'stats', 'prometheus.io/scheme': 'https' },
    status: { ip: '10.0.0.2' },
    target: '10.0.0.2:8080',
    labels: { __metrics_path__: '/stats', __scheme__: 'https' },
  },
];

function targetOf({
  annotations,
  spec,
  status = { ip: '10.0.0.2' },
  worker: workerAddress = '192.0.2.7',
}: Row): TargetGroup | undefined {
  const task = newTask('t', { ...web, workerName: 'w1', ...spec } as Task['spec'], {
    metadata: {
      annotations: { 'prometheus.io/scrape': 'true', ...annotations },
      labels: { 'app.io/x-y': 'z' },
    },
    status: { phase: 'Running', ...status },
  });
  const worker = newWorker('w1');
  const addresses = [
    { type: 'Hostname', address: 'h' },
    { type: 'InternalIP', address: workerAddress },
  ] as const;
  const wish = scrapeWishOf(task);
  return wish && taskTarget(wish, addressesOf([{ ...worker, status: { addresses: [...addresses] } }]));
}

describe('What is to be scraped', () => {
  for (const row of rows) {
    it(`of Tasks: ${row.title}`, () => {
      const found = targetOf(row);
      expect(found?.targets).to.deep.equal(row.target === undefined ? undefined : [row.target]);
      if (found === undefined) return;
      expect(found.labels).to.include({
        namespace: 'default',
        task: 't',
        worker: 'w1',
        __scheme__: 'http',
        __metrics_path__: '/metrics',
        __meta_gantry_task_uid: 'uid-t',
        __meta_gantry_task_label_app_io_x_y: 'z',
        ...row.labels,
      });
    });
  }

  it('of Tasks: without the worker’s address there is none that needs it', () => {
    const annotations = { 'prometheus.io/scrape': 'true' };
    const status = { phase: 'Running', ...published('0.0.0.0') } as const;
    const task = newTask('t', { ...web, workerName: 'gone' } as unknown as Task['spec'], {
      metadata: { annotations },
      status,
    });
    const wish = scrapeWishOf(task);
    expect(wish && taskTarget(wish, new Map())).to.equal(undefined);
  });

  it('of a Worker: its containers, at the server that was asked', () => {
    expect(workerTarget(newWorker('w1'), { host: 'gantry:7443', scheme: 'https' })).to.deep.equal({
      targets: ['gantry:7443'],
      labels: {
        __scheme__: 'https',
        __metrics_path__: '/api/v1/nodes/w1/proxy/metrics/cadvisor',
        worker: 'w1',
      },
    });
  });
});
