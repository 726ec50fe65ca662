/** Writing to Pods and Nodes, and metrics.k8s.io, through the generic routes. */
import { expect } from 'chai';
import type { WorkerLink, WorkerUsage } from '../../../machinery/workerlink.ts';
import { tasks, workers } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { type Answer, at, noWorkers, openServer, type TestServer } from './harness.ts';

const PODS = '/api/v1/namespaces/default/pods';
const NODES = '/api/v1/nodes';
const MERGE = { 'Content-Type': 'application/merge-patch+json' };
const STRATEGIC = { 'Content-Type': 'application/strategic-merge-patch+json' };
const KEY = { namespace: 'default', name: 'hello' };

describe('writing through views', () => {
  let server: TestServer;
  let usage: (worker: string) => Promise<WorkerUsage>;
  const workerLink: WorkerLink = { ...noWorkers, usage: (worker) => usage(worker) };

  beforeEach(async () => {
    server = await openServer({ workerLink });
    await server.world.addWorker('w1');
  });
  afterEach(() => server.close());

  const patch = (path: string, body: unknown, headers = MERGE): Promise<Answer> =>
    server.ask('PATCH', path, { headers, body: JSON.stringify(body) });
  const readTask = (): Promise<Task> => server.world.admin.get(tasks, KEY);
  const bound = async (): Promise<void> => {
    await server.world.admin.create(tasks, taskManifest('hello', {}, { labels: { app: 'web' } }));
    await server.world.admin.post(tasks, KEY, 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: { ...KEY },
      target: { name: 'w1' },
      epoch: 1,
    });
  };

  describe('nodes', () => {
    it('are cordoned and uncordoned as kubectl does it', async () => {
      const cordoned = await patch(`${NODES}/w1`, { spec: { unschedulable: true } }, STRATEGIC);
      expect([cordoned.status, at(cordoned.json(), 'spec.unschedulable')]).to.deep.equal([200, true]);
      expect((await server.world.admin.get(workers, { name: 'w1' })).spec).to.deep.equal({
        unschedulable: true,
      });
      const uncordoned = await patch(`${NODES}/w1`, { spec: { unschedulable: null } }, STRATEGIC);
      expect(uncordoned.status).to.equal(200);
      expect((await server.world.admin.get(workers, { name: 'w1' })).spec).to.deep.equal({});
    });

    it('are tainted, labelled and annotated; what a worker cannot take is refused by name', async () => {
      const taints = [{ key: 'disk', value: 'slow', effect: 'NoSchedule' }];
      const metadata = { labels: { zone: 'a' }, annotations: { note: 'b' } };
      expect((await patch(`${NODES}/w1`, { metadata, spec: { taints } })).status).to.equal(200);
      const worker = await server.world.admin.get(workers, { name: 'w1' });
      expect(worker.spec).to.deep.equal({ taints });
      expect(worker.metadata.labels).to.deep.equal(metadata.labels);
      expect(worker.metadata.annotations).to.include(metadata.annotations);
      const effect = await patch(`${NODES}/w1`, { spec: { taints: [{ key: 'x', effect: 'NoExecute' }] } });
      expect(effect.status).to.equal(422);
      expect(effect.json().message).to.contain('spec.taints[0].effect: Unsupported value: "NoExecute"');
      const other = await patch(`${NODES}/w1`, { spec: { podCIDR: '10.0.0.0/24' } });
      expect(other.status).to.equal(422);
      expect(other.json().message).to.contain('spec.podCIDR: Forbidden');
    });

    it('keep their status: writing it through the node is ignored', async () => {
      const answer = await patch(`${NODES}/w1`, { status: { capacity: { cpu: '999' } } });
      expect([answer.status, at(answer.json(), 'status.capacity.cpu')]).to.deep.equal([200, '4']);
    });

    it('refuse a version that is not the present one, and a name or uid that is not theirs', async () => {
      const node = (await server.ask('GET', `${NODES}/w1`)).json();
      await patch(`${NODES}/w1`, { metadata: { labels: { a: 'b' } } });
      const stale = await server.ask('PUT', `${NODES}/w1`, { body: node });
      expect([stale.status, stale.json().reason]).to.deep.equal([409, 'Conflict']);
      const uid = await patch(`${NODES}/w1`, { metadata: { uid: 'other' } });
      expect(uid.status).to.equal(409);
      const name = await patch(`${NODES}/w1`, { metadata: { name: 'w2' } });
      expect(name.status).to.equal(400);
    });

    it('are shown as kubectl shows nodes', async () => {
      await patch(`${NODES}/w1`, { spec: { unschedulable: true } });
      const table = await server.ask('GET', NODES, {
        headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
      });
      expect(at(table.json(), 'columnDefinitions.1.name')).to.equal('Status');
      expect(at(table.json(), 'rows.0.cells.1')).to.equal('Ready,SchedulingDisabled');
      expect(at(table.json(), 'rows.0.cells.2')).to.equal('<none>');
    });
  });

  describe('pods', () => {
    it('are evicted: off their worker, out of its record, and a new Pod once the container has stopped', async () => {
      await bound();
      await server.world.admin.update(
        tasks,
        { ...(await readTask()), status: { phase: 'Running', workerName: 'w1' } },
        { subresource: 'status' },
      );
      const before = (await server.ask('GET', `${PODS}/hello`)).json();
      const eviction = {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: 'hello', namespace: 'default' },
        deleteOptions: { preconditions: { uid: at(before, 'metadata.uid') } },
      };
      const answer = await server.ask('POST', `${PODS}/hello/eviction`, { body: eviction });
      expect([answer.status, answer.json().kind, answer.json().status]).to.deep.equal([
        201,
        'Status',
        'Success',
      ]);
      const leaving = (await server.ask('GET', `${PODS}/hello`)).json();
      expect(at(leaving, 'metadata.uid')).to.equal(at(before, 'metadata.uid'));
      expect(at(leaving, 'spec.nodeName')).to.equal('w1');
      expect((await readTask()).spec.workerName).to.equal(undefined);
      await server.world.admin.update(
        tasks,
        { ...(await readTask()), status: { phase: 'Pending', workerName: 'w1' } },
        { subresource: 'status' },
      );
      const gone = (await server.ask('GET', `${PODS}/hello`)).json();
      expect(at(gone, 'metadata.uid')).not.to.equal(at(before, 'metadata.uid'));
      expect(at(gone, 'spec.nodeName')).to.equal(undefined);
      const again = await server.ask('POST', `${PODS}/hello/eviction`, { body: eviction });
      expect([again.status, again.json().reason]).to.deep.equal([409, 'Conflict']);
    });

    it('are evicted by deleting them: the Task stays, as a controller would bring it back', async () => {
      await bound();
      const dry = await server.ask('DELETE', `${PODS}/hello?dryRun=All`);
      expect([dry.status, (await readTask()).spec.workerName]).to.deep.equal([200, 'w1']);
      expect((await server.ask('DELETE', `${PODS}/hello`)).status).to.equal(200);
      expect((await readTask()).spec.workerName).to.equal(undefined);
      expect((await server.ask('DELETE', `${PODS}/absent`)).json().message).to.equal(
        'pods "absent" not found',
      );
    });

    it('change labels, annotations and image, and nothing else', async () => {
      await bound();
      const body = {
        metadata: { labels: { app: null, tier: 'front' } },
        spec: { containers: [{ name: 'hello', image: 'busybox:2' }] },
      };
      const changed = await patch(`${PODS}/hello`, body, STRATEGIC);
      expect(changed.status).to.equal(200);
      const task = await readTask();
      expect([task.spec.image, task.metadata.labels]).to.deep.equal(['busybox:2', { tier: 'front' }]);
      const refused = await patch(`${PODS}/hello`, { spec: { restartPolicy: 'Never' } });
      expect(refused.status).to.equal(422);
      expect(refused.json().message).to.contain(
        'spec.restartPolicy: Forbidden: pod updates may not change fields',
      );
    });

    it('are made as Tasks, by what kubectl run sends', async () => {
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'run', labels: { run: 'run' }, creationTimestamp: null },
        spec: {
          containers: [{ name: 'run', image: 'busybox', args: ['sleep', '9'], resources: {} }],
          dnsPolicy: 'ClusterFirst',
          restartPolicy: 'Never',
        },
        status: {},
      };
      const answer = await server.ask('POST', PODS, { body: pod });
      expect([answer.status, answer.json().kind]).to.deep.equal([201, 'Pod']);
      const task = await server.world.admin.get(tasks, { namespace: 'default', name: 'run' });
      expect(task.spec).to.include({ image: 'busybox', restartPolicy: 'Never' });
      expect(task.spec.args).to.deep.equal(['sleep', '9']);
      const rich = {
        ...pod,
        metadata: { name: 'rich' },
        spec: {
          ...pod.spec,
          initContainers: [{ name: 'i', image: 'x' }],
          volumes: [{ name: 'v', nfs: { server: 's', path: '/' } }],
          containers: [{ name: 'rich', image: 'x', stdin: true }],
        },
      };
      const refused = await server.ask('POST', PODS, { body: rich });
      expect(refused.status).to.equal(422);
      expect(refused.json().message).to.match(
        /spec\.containers\[0\]\.stdin: Forbidden.*spec\.initContainers: Forbidden.*spec\.volumes\[0\]\.nfs: Forbidden/,
      );
    });

    it('are held to the security level of their namespace, as the Tasks they are', async () => {
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'rude' },
        spec: { hostNetwork: true, hostPID: true, containers: [{ name: 'rude', image: 'x' }] },
      };
      const refused = await server.ask('POST', PODS, { body: pod });
      expect(refused.status).to.equal(403);
      expect(refused.json().message).to.equal(
        'tasks.gantry.dev "rude" is forbidden: violates level "baseline" of namespace "default": spec.network.mode must not be "host"; spec.hostPID must not be true',
      );
      await server.world.allowEverything('default');
      expect((await server.ask('POST', PODS, { body: pod })).status).to.equal(201);
      const label = { metadata: { labels: { 'gantry.dev/security': 'restricted' } } };
      const tightened = await patch('/api/v1/namespaces/default', label);
      expect([tightened.status, tightened.headers['warning']]).to.deep.equal([
        200,
        [
          '299 - "existing tasks in namespace \\"default\\" violate the new level \\"restricted\\"; they keep running"',
          '299 - "rude: spec.network.mode must not be \\"host\\"; spec.hostPID must not be true; spec.securityContext.runAsNonRoot must be true, or runAsUser a number above 0; spec.securityContext.capabilities.drop must include \\"ALL\\""',
        ].join(', '),
      ]);
      const image = { spec: { containers: [{ name: 'rude', image: 'y' }] } };
      expect((await patch(`${PODS}/rude`, image, STRATEGIC)).status).to.equal(403);
      const labels = { metadata: { labels: { a: 'b' } } };
      expect((await patch(`${PODS}/rude`, labels, STRATEGIC)).status).to.equal(200);
    });

    it('are not deleted all at once, and have no field managers', async () => {
      await bound();
      expect((await server.ask('DELETE', PODS)).status).to.equal(405);
      const apply = await server.ask('PATCH', `${PODS}/hello?fieldManager=me`, {
        headers: { 'Content-Type': 'application/apply-patch+yaml' },
        body: JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'hello' } }),
      });
      expect(apply.status).to.equal(415);
    });
  });

  describe('metrics.k8s.io', () => {
    const METRICS = '/apis/metrics.k8s.io/v1beta1';
    beforeEach(() => {
      usage = (worker) =>
        Promise.resolve({
          worker,
          atMs: 1_000_000,
          windowMs: 15_000,
          cpuNanocores: 1_500_000_000,
          memoryBytes: 2 ** 30,
          tasks: [
            { ...KEY, uid: 'u', labels: { app: 'web' }, cpuNanocores: 250_000_000, memoryBytes: 2 ** 20 + 1 },
          ],
        });
    });

    it('tells what workers and tasks use, in quantities', async () => {
      const nodes = (await server.ask('GET', `${METRICS}/nodes`)).json();
      expect(nodes).to.include({ kind: 'NodeMetricsList', apiVersion: 'metrics.k8s.io/v1beta1' });
      expect(at(nodes, 'items.0.metadata.name')).to.equal('w1');
      expect(at(nodes, 'items.0.usage')).to.deep.equal({ cpu: '1500000000n', memory: '1048576Ki' });
      expect(at(nodes, 'items.0')).to.include({ timestamp: '1970-01-01T00:16:40Z', window: '15s' });
      const pod = (await server.ask('GET', `${METRICS}/namespaces/default/pods/hello`)).json();
      expect(pod['containers']).to.deep.equal([
        { name: 'hello', usage: { cpu: '250000000n', memory: '1025Ki' } },
      ]);
    });

    it('selects by namespace and labels, and has no other verbs', async () => {
      const count = async (query: string): Promise<number> => {
        const { items } = (await server.ask('GET', `${METRICS}${query}`)).json();
        return Array.isArray(items) ? items.length : -1;
      };
      expect(await count('/pods?labelSelector=app%3Dweb')).to.equal(1);
      expect(await count('/pods?labelSelector=app%3Dother')).to.equal(0);
      expect(await count('/namespaces/other/pods')).to.equal(0);
      expect((await server.ask('DELETE', `${METRICS}/nodes/w1`)).status).to.equal(405);
    });

    it('leaves out a worker that does not answer, and says so when nobody does', async () => {
      await server.world.addWorker('w2');
      const answering = usage;
      usage = (worker) => (worker === 'w2' ? Promise.reject(new Error('gone')) : answering(worker));
      const nodes = (await server.ask('GET', `${METRICS}/nodes`)).json();
      expect(nodes['items']).to.have.length(1);
      usage = () => Promise.reject(new Error('gone'));
      expect((await server.ask('GET', `${METRICS}/nodes`)).status).to.equal(503);
    });
  });
});
