/** The server that `watches.ts` measures: the real application on the memory store. Speaks over the process's channel. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRegistry } from '../../api/registry/open.ts';
import { tlsListener } from '../../api/server/listener.ts';
import { systemClock as clock } from '../../machinery/clock.ts';
import { silentLog as log } from '../../machinery/log.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { systemRandom as random } from '../../machinery/random.ts';
import { openPki } from '../../net/pki.ts';
import { openStore } from '../../store/open.ts';
import { newTestApp } from '../../test/api/server/harness.ts';
import { openWorld } from '../../test/world.ts';

const directory = await mkdtemp(join(tmpdir(), 'gantry-watches-'));
const pki = await openPki({ directory, clock, hostnames: [], addresses: [] });
await rm(directory, { recursive: true });
const store = await openStore('memory:', { clock, random });
const metrics = newMetrics();
const registry = await openRegistry({ store, clock, random, log, metrics });
const app = newTestApp({ ...(await openWorld()), registry, metrics });
const { server, admin, authority: ca } = pki;
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

/** What was used while watches began is given back only some time after. */
const COLLECTIONS = 6;
const PAUSE_MS = 150;

process.on('message', (message) => {
  if (message === 'measure') void measure();
});

async function measure(): Promise<void> {
  for (let count = 0; count < COLLECTIONS; count++) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  process.send?.(process.memoryUsage.rss());
}

process.send?.({ port, ca, cert: admin.certificate, key: admin.key });
