/**
 * D2.9, the law: whatever happens, and however often a subscriber is thrown out and comes back, what it is told of its
 * trace is just what happened in it, in order, from where it began.
 */
import { expect } from 'chai';
import { TraceHub } from '../../../api/doors/traces/hub.ts';
import { silentLog } from '../../../machinery/log.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { withTrace } from '../../../machinery/trace.ts';
import { events, tasks } from '../../../schemas/kinds.ts';
import { taskManifest } from '../../builders.ts';
import { openWorld, type World } from '../../world.ts';
import type { Frame } from './tracesrig.ts';
import { connect, type FakeClient } from './traceswire.ts';

const FILE = 'test/api/doors/traceslaw.test.ts';
const ASKED = process.env['GANTRY_TRACES_SEED'];
const MANY = process.env['GANTRY_TEST_LONG'] === '1' ? 200 : 6;
const SEEDS = ASKED === undefined ? Array.from({ length: MANY }, (_, at) => at + 1) : [Number(ASKED)];
const STEPS = 250;
const TRACES = ['1', '2', '3'].map((digit) => digit.repeat(32));

interface Happened {
  readonly traceId: string;
  readonly revision: number;
  readonly what: string;
}

/** Writes at random, and writes down what happened. */
class Writer {
  readonly happened: Happened[] = [];
  readonly #world: World;
  readonly #alive = new Map<string, string>();
  #made = 0;

  constructor(world: World) {
    this.#world = world;
  }

  async step(chance: number, pick: number): Promise<void> {
    const { admin, store } = this.#world;
    const traceId = TRACES[Math.floor(pick * TRACES.length)] ?? '';
    const old = [...this.#alive][Math.floor(pick * this.#alive.size)];
    const note = (id: string, what: string): void => {
      this.happened.push({ traceId: id, revision: store.revision(), what });
    };
    if (chance < 0.3 || old === undefined) {
      const name = `t${this.#made++}`;
      await withTrace({ requestId: 'r', traceId }, () => admin.create(tasks, taskManifest(name)));
      this.#alive.set(name, traceId);
      return note(traceId, `task added ${name}`);
    }
    const [name, ofTrace] = old;
    const key = { namespace: 'default', name };
    if (chance < 0.75) {
      const task = await admin.get(tasks, key);
      const status = { phase: 'Running' as const, message: `${pick} ${'x'.repeat(600)}` };
      await admin.update(tasks, { ...task, status }, { subresource: 'status' });
      return note(ofTrace, `task modified ${name}`);
    }
    if (chance < 0.9) {
      const event = `e${this.#made++}`;
      await admin.create(events, {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: event, namespace: 'default', annotations: { 'gantry.dev/trace-id': traceId } },
        involvedObject: { kind: 'Task', namespace: 'default', name },
      });
      return note(traceId, `event added ${event}`);
    }
    await admin.delete(tasks, key);
    this.#alive.delete(name);
    note(ofTrace, `task deleted ${name}`);
  }
}

/** Somebody who wants one trace, from the first time it got it to the end. */
class Persona {
  readonly traceId: string;
  readonly told: { readonly revision: number; readonly what: string }[] = [];
  client: FakeClient;
  /** The revision from which on it wants everything; undefined until it knows. */
  since: number | undefined;
  returns = 0;
  #read = 0;
  readonly #open: () => FakeClient;

  constructor(traceId: string, open: () => FakeClient) {
    this.traceId = traceId;
    this.#open = open;
    this.client = open();
    this.client.connection.subscribe(traceId, undefined);
  }

  /** Reads what it was sent; what it did not take from a dead connection never came. */
  read(): void {
    const { wire } = this.client;
    for (; this.#read < wire.sent.length; this.#read++) this.#hear(wire.sent[this.#read] ?? {});
    if (wire.readyState === 1) return;
    this.returns++;
    const from = Math.max(this.since ?? 0, this.told.at(-1)?.revision ?? 0);
    this.client = this.#open();
    this.#read = 0;
    this.client.connection.subscribe(this.traceId, this.since === undefined ? undefined : from);
  }

  #hear(frame: Frame): void {
    if (frame['type'] === 'live') this.since ??= Number(frame['revision']);
    if (frame['type'] === 'error') throw new Error(JSON.stringify(frame));
    if (frame['type'] !== 'event') return;
    const { change, name } = frame['event'] as Record<string, unknown>;
    if (change === 'current') return;
    expect(frame['trace_id']).to.equal(this.traceId);
    this.told.push({
      revision: Number(frame['revision']),
      what: `${String(frame['kind'])} ${String(change)} ${String(name)}`,
    });
  }
}

describe('D2.9 the law of traces', function () {
  this.timeout(60_000);
  for (const seed of SEEDS) {
    it(`D2.9 each subscriber is told exactly its trace, in order, from where it asked (GANTRY_TRACES_SEED=${seed} npx mocha --exit ${FILE})`, async () => {
      const random = seededRandom(seed);
      const next = (): number => random.next();
      const world = await openWorld({ seed, cacheLimits: { maxChanges: 64, maxChangeBytes: 1e6 } });
      const hub = new TraceHub(world.registry, silentLog);
      const drops: string[] = [];
      const writer = new Writer(world);
      const personas: Persona[] = [];
      for (let step = 0; step < STEPS; step++) {
        if (personas.length < 12 && next() < 0.2) {
          const traceId = TRACES[Math.floor(next() * TRACES.length)] ?? '';
          personas.push(new Persona(traceId, () => connect(world, hub, drops)));
        }
        const one = personas[Math.floor(next() * personas.length)];
        const luck = next();
        if (one !== undefined && luck < 0.05) one.client.wire.isStuck = true;
        else if (one !== undefined && luck < 0.1) one.client.wire.take();
        else if (one !== undefined && luck < 0.14) one.client.wire.terminate();
        else if (one !== undefined && luck < 0.17) one.client.wire.isFailing = true;
        // The kernel's buffers are full as well: what a stuck client is sent from here on is too much.
        if (one !== undefined && one.client.wire.isStuck && next() < 0.3)
          one.client.wire.bufferedAmount = 2 ** 20;
        await writer.step(next(), next());
        if (next() < 0.5) await world.settle();
        if (next() < 0.1) await world.advance(25_000);
        for (const persona of personas) persona.read();
      }
      for (let round = 0; round < 50; round++) {
        for (const { client } of personas) client.wire.take();
        await world.settle();
        for (const persona of personas) persona.read();
      }
      for (const { traceId, told, since = Infinity } of personas) {
        const wanted = writer.happened
          .filter((one) => one.traceId === traceId && one.revision > since)
          .map(({ revision, what }) => ({ revision, what }));
        expect(told).to.deep.equal(wanted);
      }
      expect(personas.length).to.equal(12);
      expect(personas.reduce((sum, { returns }) => sum + returns, 0)).to.be.above(3);
      for (const { client } of personas) client.wire.terminate();
      await world.settle();
      expect(hub.isRunning).to.equal(false);
      expect(hub.size).to.equal(0);
      await world.close();
    });
  }
});
