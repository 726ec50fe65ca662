/**
 * Histories of the etcd engine: two processes, each with a store on the same etcd of three members, and clients that
 * hop between them, while the processes are killed and the members are killed, paused and brought back. And of the
 * API: `gantry server` processes on such an etcd, clients and watches that hop between them.
 */
import { type Clock, sleep, systemClock } from '../../machinery/clock.ts';
import { pick, type Random, seededRandom } from '../../machinery/random.ts';
import { newDirectory, removeDirectories } from '../store/builders.ts';
import { EtcdCluster, needEtcd } from '../store/etcd/cluster.ts';
import { ApiRegister, ApiWatch, writeMarker } from './apiregister.ts';
import { Recorder } from './history.ts';
import { HostedStore } from './hostedstore.ts';
import { mustHold } from './judge.ts';
import { isLong, paceOf, replayOf, seeds } from './seeds.ts';
import { GantryServer } from './server.ts';
import { StoreRegister, StoreWatch } from './storeregister.ts';
import { readAll, runClients } from './workload.ts';

const FILE = 'test/linear/etcd.test.ts';
const KEYS = ['/linear/a', '/linear/b', '/linear/c', '/linear/d', '/linear/e', '/linear/f'];
const NAMES = ['register-a', 'register-b', 'register-c'];
const FAULTS = isLong ? 12 : 6;
/** The longest time between two faults, and the longest that a fault lasts, milliseconds. */
const CALM_MS = 800;
const OUTAGE_MS = 2500;
const WATCH_MS = 30_000;

/** A process of ours that faults may end. */
interface Mortal {
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Each fault does its harm and undoes it. */
const faults: Readonly<
  Record<
    string,
    (etcd: EtcdCluster, servers: readonly Mortal[], random: Random, clock: Clock) => Promise<void>
  >
> = {
  'a server is killed': async (_etcd, servers, random) => {
    const server = pick(random, servers);
    await server?.kill();
    await server?.start();
  },
  'the leader is killed': async (etcd, _servers, random, clock) => {
    const leader = await etcd.leader();
    await etcd.kill(leader);
    await sleep(clock, random.next() * OUTAGE_MS);
    await etcd.restart(leader);
  },
  'a member is paused': async (etcd, _servers, random, clock) => {
    const member = Math.floor(random.next() * 3);
    etcd.pause(member);
    await sleep(clock, random.next() * OUTAGE_MS);
    etcd.resume(member);
    await etcd.healthy(member);
  },
  'the leader is paused': async (etcd, _servers, random, clock) => {
    const leader = await etcd.leader();
    etcd.pause(leader);
    await sleep(clock, random.next() * OUTAGE_MS);
    etcd.resume(leader);
    await etcd.healthy(leader);
  },
  'there is no quorum': async (etcd, _servers, random, clock) => {
    await Promise.all([etcd.kill(0), etcd.kill(1)]);
    await sleep(clock, random.next() * OUTAGE_MS);
    await Promise.all([etcd.restart(0), etcd.restart(1)]);
  },
};

async function harm(
  etcd: EtcdCluster,
  servers: readonly Mortal[],
  random: Random,
  clock: Clock,
): Promise<string[]> {
  const done: string[] = [];
  for (let count = 0; count < FAULTS; count++) {
    await sleep(clock, random.next() * CALM_MS);
    const [name, fault] = pick(random, Object.entries(faults)) ?? [];
    if (name === undefined || fault === undefined) continue;
    done.push(name);
    await fault(etcd, servers, random, clock);
  }
  await sleep(clock, CALM_MS);
  return done;
}

describe('linearizable: stores on one etcd, whose members and processes are killed and paused', function () {
  this.timeout(300_000);
  before(function () {
    needEtcd(this);
  });

  for (const seed of seeds(1, 15)) {
    it(`${FAULTS} faults, seed ${seed}`, async () => {
      const etcd = await EtcdCluster.start({ members: 3 });
      const stores = [new HostedStore(etcd.url), new HostedStore(etcd.url)];
      try {
        await Promise.all(stores.map((store) => store.start()));
        const recorder = new Recorder();
        const registers = stores.map((store) => new StoreRegister(store));
        const [first] = registers;
        if (first === undefined) throw new Error('no store');
        const random = seededRandom(seed);
        const stop = new AbortController();
        const options = { recorder, keys: KEYS, clock: systemClock };
        const watches = stores.map(
          (store, index) =>
            new StoreWatch(
              `w${index}`,
              (from) => store.watch('/linear/', from),
              0,
              (signal) => sleep(systemClock, 50, signal),
            ),
        );
        const clients = runClients({
          ...options,
          seed,
          clients: 20,
          blindly: { kind: 'none' },
          register: (_client, chance) => pick(chance, registers) ?? first,
          signal: stop.signal,
          pauseMs: paceOf(seed, 10),
          afterFailureMs: 200,
        });
        let done: string[];
        try {
          done = await harm(etcd, stores, random, systemClock);
        } finally {
          stop.abort();
        }
        await clients;
        await readAll(options, registers);
        const last = Math.max(...(await Promise.all(stores.map((store) => store.latestRevision()))));
        const logs = await Promise.all(
          watches.map((watch) => watch.finish(last, AbortSignal.timeout(WATCH_MS))),
        );
        mustHold(recorder, logs, `etcd, seed ${seed}, ${done.join(', ')}`, replayOf(FILE, seed));
      } finally {
        await Promise.all(stores.map((store) => store.kill()));
        await etcd.stop();
      }
    });
  }
});

describe('linearizable: the API of servers on one etcd, all killed and paused', function () {
  this.timeout(400_000);
  before(function () {
    needEtcd(this);
  });
  after(removeDirectories);

  for (const seed of seeds(1, 15)) {
    it(`${FAULTS} faults, seed ${seed}`, async () => {
      const etcd = await EtcdCluster.start({ members: 3 });
      const servers: GantryServer[] = [];
      try {
        const flags = ['--store', etcd.url];
        const home = newDirectory();
        const first = await GantryServer.open(home, flags);
        servers.push(first);
        servers.push(
          await GantryServer.open(newDirectory(), [...flags, '--encryption-key-file', first.keyFile]),
        );
        const recorder = new Recorder();
        const random = seededRandom(seed);
        const hops = seededRandom(seed + 1_000_000);
        const registers = servers.map(({ client }) => new ApiRegister(client));
        const [register] = registers;
        if (register === undefined) throw new Error('no server');
        const stop = new AbortController();
        const options = { recorder, keys: NAMES, clock: systemClock };
        const watches = await Promise.all(
          ['w0', 'w1'].map((name) =>
            ApiWatch.open({ ...options, name, client: () => (pick(hops, servers) ?? first).client }),
          ),
        );
        const clients = runClients({
          ...options,
          seed,
          clients: 8,
          blindly: { kind: 'present' },
          register: (_client, chance) => pick(chance, registers) ?? register,
          signal: stop.signal,
          pauseMs: paceOf(seed, 40),
          afterFailureMs: 400,
        });
        let done: string[];
        try {
          done = await harm(etcd, servers, random, systemClock);
        } finally {
          stop.abort();
        }
        await clients;
        await readAll(options, registers);
        const last = await writeMarker(first.client, 'marker');
        const logs = await Promise.all(
          watches.map((watch) => watch.finish(last, AbortSignal.timeout(WATCH_MS))),
        );
        mustHold(recorder, logs, `API on etcd, seed ${seed}, ${done.join(', ')}`, replayOf(FILE, seed));
      } finally {
        await Promise.all(servers.map((server) => server.dispose()));
        await etcd.stop();
      }
    });
  }
});
