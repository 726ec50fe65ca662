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
import { LossyProxy } from './lossyproxy.ts';
import { isLong, paceOf, replayOf, seeds } from './seeds.ts';
import { GantryServer } from './server.ts';
import { StoreRegister, StoreWatch } from './storeregister.ts';
import { readAll, withClients } from './workload.ts';

const FILE = 'test/linear/etcd.test.ts';
const KEYS = ['/linear/a', '/linear/b', '/linear/c', '/linear/d', '/linear/e', '/linear/f'];
const NAMES = ['register-a', 'register-b', 'register-c'];
const MEMBERS = 3;
const FAULTS = isLong ? 14 : 7;
/** Between two faults so many operations are answered at least and at most, and then comes a moment of chance, milliseconds. */
const SHORTEST_CALM = 20;
const LONGEST_CALM = 150;
const MOMENT_MS = 20;
/** The longest that a fault lasts, milliseconds. */
const OUTAGE_MS = 2500;
/** How long answers are lost at most, milliseconds: shorter than a store waits before it tries another member. */
const LOSS_MS = 150;
const WATCH_MS = 30_000;

/** A process of ours that faults may end or stop. */
interface Mortal {
  kill(): Promise<void>;
  start(): Promise<void>;
  pause(): void;
  resume(): void;
}

/** Where the faults are done. */
interface Place {
  readonly etcd: EtcdCluster;
  /** Between the servers and each member. */
  readonly proxies: readonly LossyProxy[];
  readonly random: Random;
  readonly clock: Clock;
}

const LOST = 'answers are lost';

/** Each fault does its harm and undoes it. */
const faults: Readonly<Record<string, (place: Place, servers: readonly Mortal[]) => Promise<void>>> = {
  'a server is killed': async ({ random }, servers) => {
    const server = pick(random, servers);
    await server?.kill();
    await server?.start();
  },
  'a server is paused': async ({ random, clock }, servers) => {
    const server = pick(random, servers);
    server?.pause();
    await sleep(clock, random.next() * OUTAGE_MS);
    server?.resume();
  },
  [LOST]: async ({ proxies, random, clock }) => {
    const ms = random.next() * LOSS_MS;
    await Promise.all(proxies.map((proxy) => proxy.loseAnswers(clock, ms)));
  },
  'the leader is killed': async ({ etcd, random, clock }) => {
    const leader = await etcd.leader();
    await etcd.kill(leader);
    await sleep(clock, random.next() * OUTAGE_MS);
    await etcd.restart(leader);
  },
  'a member is paused': async ({ etcd, random, clock }) => {
    const member = Math.floor(random.next() * MEMBERS);
    etcd.pause(member);
    await sleep(clock, random.next() * OUTAGE_MS);
    etcd.resume(member);
    await etcd.healthy(member);
  },
  'the leader is paused': async ({ etcd, random, clock }) => {
    const leader = await etcd.leader();
    etcd.pause(leader);
    await sleep(clock, random.next() * OUTAGE_MS);
    etcd.resume(leader);
    await etcd.healthy(leader);
  },
  'there is no quorum': async ({ etcd, random, clock }) => {
    await Promise.all([etcd.kill(0), etcd.kill(1)]);
    await sleep(clock, random.next() * OUTAGE_MS);
    await Promise.all([etcd.restart(0), etcd.restart(1)]);
  },
};

const others = Object.keys(faults).filter((name) => name !== LOST);

/** Every schedule begins with answers that are lost, which is soon over; the rest is chance. */
async function harm(place: Place, servers: readonly Mortal[], recorder: Recorder): Promise<string[]> {
  const { random, clock } = place;
  const done: string[] = [];
  for (let count = 0; count < FAULTS; count++) {
    await recorder.more(SHORTEST_CALM + Math.ceil(random.next() * (LONGEST_CALM - SHORTEST_CALM)));
    await sleep(clock, random.next() * MOMENT_MS);
    const name = count < 2 ? LOST : pick(random, others);
    const fault = name === undefined ? undefined : faults[name];
    if (name === undefined || fault === undefined) continue;
    done.push(name);
    await fault(place, servers);
  }
  await recorder.more(LONGEST_CALM);
  return done;
}

/** An etcd of three members behind proxies. */
async function openPlace(seed: number): Promise<Place & AsyncDisposable & { readonly url: string }> {
  const etcd = await EtcdCluster.start({ members: MEMBERS });
  const proxies = await Promise.all(
    Array.from({ length: MEMBERS }, (_, index) => LossyProxy.open(etcd.endpoint(index))),
  );
  return {
    etcd,
    proxies,
    random: seededRandom(seed),
    clock: systemClock,
    url: `etcd://${proxies.map(({ endpoint }) => endpoint).join(',')}`,
    async [Symbol.asyncDispose]() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await etcd.stop();
    },
  };
}

describe('linearizable: stores on one etcd, whose members and processes are killed and paused', function () {
  this.timeout(300_000);
  before(function () {
    needEtcd(this);
  });

  for (const seed of seeds(1, 15)) {
    it(`${FAULTS} faults, seed ${seed}`, async () => {
      await using place = await openPlace(seed);
      const stores = [new HostedStore(place.url), new HostedStore(place.url)];
      try {
        await Promise.all(stores.map((store) => store.start()));
        const recorder = new Recorder();
        const registers = stores.map((store) => new StoreRegister(store));
        const [first] = registers;
        if (first === undefined) throw new Error('no store');
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
        const done = await withClients(
          {
            ...options,
            seed,
            clients: 20,
            blindly: { kind: 'none' },
            register: (_client, chance) => pick(chance, registers) ?? first,
            pauseMs: paceOf(seed, 10),
            afterFailureMs: 200,
          },
          () => harm(place, stores, recorder),
        );
        await readAll(options, registers);
        const last = Math.max(...(await Promise.all(stores.map((store) => store.latestRevision()))));
        const logs = await Promise.all(
          watches.map((watch) => watch.finish(last, AbortSignal.timeout(WATCH_MS))),
        );
        mustHold(recorder, logs, `etcd, seed ${seed}, ${done.join(', ')}`, replayOf(FILE, seed));
      } finally {
        await Promise.all(stores.map((store) => store.kill()));
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
      await using place = await openPlace(seed);
      const servers: GantryServer[] = [];
      try {
        const flags = ['--store', place.url];
        const home = newDirectory();
        const first = await GantryServer.open(home, flags);
        servers.push(first);
        servers.push(
          await GantryServer.open(newDirectory(), [...flags, '--encryption-key-file', first.keyFile]),
        );
        const recorder = new Recorder();
        const hops = seededRandom(seed + 1_000_000);
        const registers = servers.map(({ client }) => new ApiRegister(client));
        const [register] = registers;
        if (register === undefined) throw new Error('no server');
        const options = { recorder, keys: NAMES, clock: systemClock };
        const watches = await Promise.all(
          ['w0', 'w1'].map((name) =>
            ApiWatch.open({ ...options, name, client: () => (pick(hops, servers) ?? first).client }),
          ),
        );
        const done = await withClients(
          {
            ...options,
            seed,
            clients: 8,
            blindly: { kind: 'present' },
            register: (_client, chance) => pick(chance, registers) ?? register,
            pauseMs: paceOf(seed, 40),
            afterFailureMs: 400,
          },
          () => harm(place, servers, recorder),
        );
        await readAll(options, registers);
        const last = await writeMarker(first.client, systemClock);
        const logs = await Promise.all(
          watches.map((watch) => watch.finish(last, AbortSignal.timeout(WATCH_MS))),
        );
        mustHold(recorder, logs, `API on etcd, seed ${seed}, ${done.join(', ')}`, replayOf(FILE, seed));
      } finally {
        await Promise.all(servers.map((server) => server.dispose()));
      }
    });
  }
});
