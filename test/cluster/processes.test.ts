/**
 * Three real servers on a real etcd of three members: who leads when one of them is killed, stopped or frozen, how long
 * nobody does, and that no Task is placed twice meanwhile. The times are printed.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { definitions } from '../../api/registry/kinds/definition.ts';
import { systemClock } from '../../machinery/clock.ts';
import { findCondition } from '../../machinery/conditions.ts';
import {
  configMaps,
  events,
  leases,
  namespaces,
  resourceQuotas,
  tasks,
  workers,
} from '../../schemas/kinds.ts';
import type { Lease } from '../../schemas/types.gen.ts';
import { KeyRing } from '../../store/encryption.ts';
import {
  CRONTABS,
  crontab,
  crontabs,
  definition,
  isEstablished,
  version,
} from '../api/registry/kinds/crontabs.ts';
import { newWorker, taskManifest } from '../builders.ts';
import { GantryServer } from '../linear/server.ts';
import { newDirectory, removeDirectories } from '../store/builders.ts';
import { EtcdCluster, needEtcd } from '../store/etcd/cluster.ts';
import { eventually } from '../walk/process.ts';

const LEASE_MS = 6_000;
const RENEW_DEADLINE_MS = 4_000;
const RETRY_MS = 1_000;
/** What a machine with two busy cores may add to what was promised. */
const SLACK_MS = 15_000;
const FLAGS = [
  ['--leader-elect-lease-duration', `${LEASE_MS}ms`],
  ['--leader-elect-renew-deadline', `${RENEW_DEADLINE_MS}ms`],
  ['--leader-elect-retry-period', `${RETRY_MS}ms`],
  // Its worker has no agent that could renew a lease.
  ['--lease-duration-seconds', '3600'],
].flat();
const itLong = process.env['GANTRY_TEST_LONG'] === '1' ? it : it.skip;
const LEASE = { namespace: 'kube-system', name: 'gantry-controllers' };

describe('Three servers on an etcd of three', function () {
  this.timeout(120_000);
  let etcd: EtcdCluster;
  let servers: GantryServer[] = [];
  let flags: string[];
  let made = 0;

  before(async function () {
    needEtcd(this);
    etcd = await EtcdCluster.start({ members: 3 });
    const keyFile = join(newDirectory(), 'encryption.key');
    writeFileSync(keyFile, KeyRing.newFile(), { mode: 0o600 });
    flags = ['--store', etcd.url, '--encryption-key-file', keyFile, ...FLAGS];
    const startedMs = systemClock.monotonicMs();
    servers = await Promise.all([1, 2, 3].map(() => GantryServer.open(newDirectory(), flags)));
    tell('three servers ready, started at once on an empty etcd', startedMs);
  });

  after(async () => {
    for (const server of servers) {
      server.resume();
      await server.dispose();
    }
    await etcd?.stop();
    removeDirectories();
  });

  function tell(what: string, sinceMs: number): number {
    const tookMs = Math.round(systemClock.monotonicMs() - sinceMs);
    console.log(`      ${what}: ${tookMs} ms`);
    return tookMs;
  }

  const standing = (): GantryServer => servers.at(-1) ?? expect.fail('no server');
  const lease = (): Promise<Lease> => standing().client.get(leases, LEASE);
  const holder = async (): Promise<string | undefined> => (await lease()).spec?.holderIdentity || undefined;

  /** The last server of the list is one that does not lead: it is asked; the first is the one that leads. */
  async function sortByLeader(): Promise<GantryServer> {
    const leader = await eventually('somebody leads', async () => {
      const found = await Promise.all(
        servers.map(async (server) => {
          const answer = await server.client.raw('GET', '/readyz/controllers', { query: { verbose: true } });
          return (await text(answer.body)).includes('this server leads') ? server : undefined;
        }),
      );
      return found.find((server) => server !== undefined);
    });
    servers = [leader, ...servers.filter((server) => server !== leader)];
    return leader;
  }

  /** Through all servers but the first, until the signal aborts. */
  async function makeTasks(signal: AbortSignal): Promise<string[]> {
    const names: string[] = [];
    while (!signal.aborted) {
      const name = `t${made++}`;
      const server = servers[1 + (made % (servers.length - 1))] ?? standing();
      const resources = { requests: { cpu: '10m', memory: '8Mi' }, limits: { cpu: '10m', memory: '8Mi' } };
      await server.client.create(tasks, taskManifest(name, { resources }));
      names.push(name);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return names;
  }

  /** Bound in the first epoch and said to be; an Event tells of it at most once: of a killed leader's last, nobody does. */
  async function allPlacedOnce(names: readonly string[]): Promise<void> {
    let missing = 'nothing was looked at';
    const isPlaced = async (): Promise<true | undefined> => {
      const { items } = await standing().client.list(tasks);
      const mine = items.filter(({ metadata }) => names.includes(metadata.name));
      const waiting = mine.filter(
        ({ status }) => findCondition(status?.conditions, 'Scheduled')?.status !== 'True',
      );
      missing = `${mine.length} of ${names.length} are there, ${waiting.length} wait: ${JSON.stringify(waiting[0])}`;
      return mine.length === names.length && waiting.length === 0 ? true : undefined;
    };
    await eventually('every task is placed', isPlaced).catch((error: unknown) => {
      throw new Error(`${String(error)}; ${missing}`, { cause: error });
    });
    const { items } = await standing().client.list(tasks);
    const told = (await standing().client.list(events)).items.filter(({ reason }) => reason === 'Scheduled');
    for (const { metadata, spec } of items) {
      expect(spec.bindingEpoch, `${metadata.name} was placed twice`).to.equal(1);
      const of = told.filter(({ involvedObject }) => involvedObject.uid === metadata.uid);
      expect(of.length, `${metadata.name} was placed twice`).to.be.below(2);
      expect(of[0]?.count ?? 1, `${metadata.name} was placed twice`).to.equal(1);
    }
  }

  it('started at once: all serve, each thing is there once, one leads, and nobody complained', async () => {
    await sortByLeader();
    const uids = await Promise.all(
      servers.map(async ({ client }) =>
        (await client.list(leases, { namespace: LEASE.namespace })).items.map(({ metadata }) => metadata.uid),
      ),
    );
    expect(uids[0]).to.have.length(1);
    expect(uids[1]).to.deep.equal(uids[0]);
    expect(uids[2]).to.deep.equal(uids[0]);
    const complaints = servers.flatMap(({ log }) => log.split('\n').filter((line) => line.startsWith('{')));
    expect(complaints).to.deep.equal([]);
    const {
      uid: _uid,
      resourceVersion: _version,
      generation: _generation,
      ...metadata
    } = newWorker('w1').metadata;
    const { client } = standing();
    const worker = await client.create(workers, { ...newWorker('w1', { cpu: '400' }), metadata });
    const { status = {} } = newWorker('w1', { cpu: '400', memory: '800Gi' });
    await client.update(workers, { ...worker, status }, { subresource: 'status' });
  });

  it('reads through any what was written through any other, by name and in lists, at once', async () => {
    for (let turn = 0; turn < 60; turn++) {
      const [writer, reader] = [servers[turn % 3], servers[(turn + 1) % 3]];
      const name = `c${turn % 7}`;
      const key = { namespace: 'default', name };
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data: { turn: String(turn) } };
      if (turn < 7) await writer?.client.create(configMaps, object);
      else
        await writer?.client.patch(configMaps, key, {
          type: 'merge',
          body: { data: { turn: String(turn) } },
        });
      expect((await reader?.client.get(configMaps, key))?.data).to.deep.equal({ turn: String(turn) });
      const list = await reader?.client.list(configMaps, { namespace: 'default' });
      expect(list?.items.find(({ metadata }) => metadata.name === name)?.data?.turn).to.equal(String(turn));
      if (turn < 50) continue;
      await writer?.client.delete(configMaps, key);
      await reader?.client.create(configMaps, object);
    }
  });

  it('keep to one quota together, and use a kind through one as soon as another has established it', async () => {
    const [one, two] = servers;
    const team = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team' } } as const;
    await one?.client.create(namespaces, team);
    const metadata = { name: 'q', namespace: 'team' };
    const spec = { hard: { 'count/configmaps': '10' } };
    await two?.client.create(resourceQuotas, { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec });
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, async (_, at) => {
        const object = {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: `q${at}`, namespace: 'team' },
        };
        await servers[at % 3]?.client.create(configMaps, object);
      }),
    );
    const refusals = results.flatMap((result) =>
      result.status === 'rejected' ? [String(result.reason)] : [],
    );
    for (const refusal of refusals) expect(refusal).to.contain('exceeded quota');
    expect(refusals).to.have.length(30);
    expect((await standing().client.list(configMaps, { namespace: 'team' })).items).to.have.length(10);
    await one?.client.create(definitions, definition([version('v1')]));
    await eventually('the kind is established', async () =>
      isEstablished((await one?.client.get(definitions, { name: CRONTABS })) ?? expect.fail())
        ? true
        : undefined,
    );
    await two?.client.create(crontabs(), crontab('at-once', {}));
  });

  it('kill -9 of the leader: another one leads after the lease, and what waited is placed once', async () => {
    const leader = await sortByLeader();
    const before = await holder();
    const stop = new AbortController();
    const making = makeTasks(stop.signal);
    await eventually('tasks are made', () => (made > 10 ? true : undefined));
    const killedMs = systemClock.monotonicMs();
    await leader.kill();
    await eventually('another one leads', async () => ((await holder()) === before ? undefined : true));
    const tookMs = tell(`take-over after kill -9, with a lease of ${LEASE_MS} ms`, killedMs);
    stop.abort();
    await allPlacedOnce(await making);
    // It may have died at the end of its deadline; before that nobody may lead.
    expect(tookMs).to.be.within(LEASE_MS - RENEW_DEADLINE_MS, LEASE_MS + RETRY_MS + SLACK_MS);
    await leader.start();
  });

  it('SIGTERM of the leader: another one leads at once', async () => {
    const leader = await sortByLeader();
    const before = await holder();
    const stop = new AbortController();
    const making = makeTasks(stop.signal);
    const stoppedMs = systemClock.monotonicMs();
    const ended = leader.stop();
    await eventually('another one leads', async () =>
      [before, undefined].includes(await holder()) ? undefined : true,
    );
    tell('take-over after SIGTERM', stoppedMs);
    const after = (await holder()) ?? expect.fail('nobody leads');
    await ended;
    stop.abort();
    await allPlacedOnce(await making);
    // The lease was given back; after one that ran out the Event says who did not renew it.
    await eventually('its Event says that it was handed over', async () => {
      const told = await standing().client.list(events, { namespace: LEASE.namespace });
      return told.items.find(({ message }) => message === `${after} became leader`);
    });
    await leader.start();
  });

  itLong(
    'SIGSTOP of the leader: another one leads; woken, it stops at once and places nothing twice',
    async () => {
      const leader = await sortByLeader();
      const before = await holder();
      const stop = new AbortController();
      const making = makeTasks(stop.signal);
      const madeBefore = made;
      await eventually('tasks are made', () => (made > madeBefore + 5 ? true : undefined));
      const frozenMs = systemClock.monotonicMs();
      leader.pause();
      await eventually('another one leads', async () => ((await holder()) === before ? undefined : true));
      tell('take-over while the leader is frozen', frozenMs);
      const after = await holder();
      leader.resume();
      const names = Array.from({ length: 5 }, () => `t${made++}`);
      for (const name of names) await leader.client.create(tasks, taskManifest(name));
      await eventually('the woken one says who leads', async () => {
        const { body } = await leader.client.raw('GET', '/readyz/controllers', { query: { verbose: true } });
        return (await text(body)).includes(`${after} leads`) ? true : undefined;
      });
      stop.abort();
      await allPlacedOnce([...(await making), ...names]);
      expect(await holder()).to.equal(after);
    },
  );
});
