/**
 * The whole of Gantry in one process as `gantry up` puts it together, but for the engine, which is the fake one: store
 * on SQLite with fsync, registry, controllers, one agent, HTTPS. So what is measured is Gantry and nothing else.
 * `node oneprocess.ts DIRECTORY` speaks over the process's channel; `--quiet` leaves controllers and agent out,
 * `--workerless` the agent.
 */
import { join } from 'node:path';
import { startAgent } from '../../agent/agent.ts';
import { dispatchDoor } from '../../api/doors/dispatch/dispatch.ts';
import { openRegistry } from '../../api/registry/open.ts';
import { tlsListener } from '../../api/server/listener.ts';
import { newApp } from '../../api/server/server.ts';
import { noWorkers } from '../../cli/noworkers.ts';
import { TRANSIENT_PREFIXES } from '../../cli/storeprefixes.ts';
import { explainWhy } from '../../controllers/explain/why/explain.ts';
import { ControlPlane } from '../../controllers/list.ts';
import { systemClock as clock } from '../../machinery/clock.ts';
import { controllerIdentity, workerIdentity } from '../../machinery/identity.ts';
import { openLog } from '../../machinery/log.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { systemRandom as random } from '../../machinery/random.ts';
import { openPki } from '../../net/pki.ts';
import { FakeRuntime } from '../../runtime/fake/fake.ts';
import { writeBackup } from '../../store/backup/writer.ts';
import { openStore } from '../../store/open.ts';

/** What the image of a step does: nothing, and that at once. */
export const NOOP_IMAGE = 'noop:1';
const WORKER = 'bench';
const MANY = 10_000_000;

const [directory = '', mode] = process.argv.slice(2);
if (import.meta.main && directory !== '') {
  await serve(directory, { hasControllers: mode !== '--quiet', hasWorker: mode === undefined });
}

interface Parts {
  readonly hasControllers: boolean;
  readonly hasWorker: boolean;
}

async function serve(home: string, { hasControllers, hasWorker }: Parts): Promise<void> {
  const log = openLog({ level: 'error' });
  const metrics = newMetrics();
  const base = { clock, random, log, metrics };
  const store = await openStore(`sqlite:${join(home, 'store')}`, {
    ...base,
    retention: { historyMs: 5 * 60_000, transientPrefixes: TRANSIENT_PREFIXES },
  });
  const registry = await openRegistry({
    ...base,
    store,
    namespaceLimits: { maxObjects: MANY, maxBytes: MANY * 1024 },
  });
  const pki = await openPki({ directory: join(home, 'pki'), clock, hostnames: [], addresses: [] });
  const controlPlane = new ControlPlane({
    ...base,
    clientOf: (name) => registry.as(controllerIdentity(name)),
  });
  const stop = new AbortController();
  if (hasControllers) void controlPlane.run(stop.signal);
  if (hasWorker) {
    await startAgent({
      ...base,
      client: registry.as(workerIdentity(WORKER)),
      runtime: new FakeRuntime({
        clock,
        random,
        images: { [NOOP_IMAGE]: { exitAfterMs: 0 } },
        info: { cpus: 1_000, memoryBytes: 2 ** 40, hostname: WORKER },
      }),
      workerName: WORKER,
      clusterId: store.clusterId,
      agentVersion: 'bench',
    });
  }
  const { server, admin, authority: ca } = pki;
  const app = newApp({
    ...base,
    registry,
    workerLink: noWorkers,
    explain: explainWhy,
    productVersion: 'bench',
    readinessChecks: [],
    doors: [
      dispatchDoor({
        ...base,
        registry,
        workerLink: noWorkers,
        namespace: 'default',
        checkStore: async () => void (await store.get('/liveness')),
      }),
    ],
    backup: (signal) => writeBackup({ store, clock, engine: 'sqlite', gantryVersion: 'bench', signal }),
  });
  const listener = tlsListener(app, {
    host: '127.0.0.1',
    port: 0,
    clock,
    log,
    cert: server.certificate,
    key: server.key,
    ca,
  });
  const { port } = await listener.start();
  // Ended by its channel: also when whoever started it has died. A profile is written at an orderly exit.
  process.on('disconnect', () => process.exit(0));
  process.send?.({ port, ca, cert: admin.certificate, key: admin.key });
}
