/** A server that knows its callers by what they send, as the TLS listener does for those without a certificate. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuditEvent } from '../../../api/registry/access/audit/event.ts';
import type { AuditPolicy } from '../../../api/registry/access/audit/policy.ts';
import { openRegistry } from '../../../api/registry/open.ts';
import { recordArrival } from '../../../api/server/middleware/arrival.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { KeyDirectory } from '../../../net/keydirectory.ts';
import { StaticTokens } from '../../../net/statictokens.ts';
import { TokenAuthority } from '../../../net/tokens.ts';
import { openStore } from '../../../store/open.ts';
import { adminIdentity, openWorld, type World } from '../../world.ts';
import { type Answer, type Ask, askPort, newTestApp } from './harness.ts';

export interface AccessRig {
  readonly world: World;
  readonly authority: TokenAuthority;
  readonly port: number;
  /** What the audit was told, in order. */
  readonly events: AuditEvent[];
  /** Asks as the holder of a token; undefined sends none. */
  ask(token: string | undefined, method: string, path: string, ask?: Ask): Promise<Answer>;
  close(): Promise<void>;
}

/** Static tokens: `jane-token` (groups dev, ops), `admin-token` (system:masters), `joe-token`. */
export async function openAccessRig(auditPolicy?: AuditPolicy): Promise<AccessRig> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-access-'));
  const clock = new FakeClock();
  const random = seededRandom(1);
  const file = join(directory, 'tokens.csv');
  await writeFile(
    file,
    'jane-token,jane,uid-jane,"dev,ops"\nadmin-token,root,,system:masters\njoe-token,joe,j\n',
  );
  const authority = new TokenAuthority({ keys: new KeyDirectory(directory), clock });
  await authority.open();
  const staticTokens = new StaticTokens(file, clock, silentLog);
  await staticTokens.open();
  const events: AuditEvent[] = [];
  const store = await openStore('memory:', { clock, random });
  const metrics = newMetrics();
  const registry = await openRegistry({
    store,
    clock,
    random,
    log: silentLog,
    metrics,
    tokens: { authority, staticTokens },
    ...(auditPolicy === undefined ? {} : { auditPolicy }),
    auditSink: { write: (event) => void events.push(event), close: () => Promise.resolve() },
  });
  const plain = await openWorld();
  const world: World = {
    ...plain,
    clock,
    random,
    metrics,
    store,
    registry,
    admin: registry.as(adminIdentity),
  };
  const app = newTestApp(world).callback();
  const stopping = new AbortController();
  const server = createServer((request, response) => {
    recordArrival(request, { identity: undefined, refusal: undefined, stopping: stopping.signal });
    void app(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  events.length = 0;
  return {
    world,
    authority,
    port,
    events,
    ask: (token, method, path, { headers = {}, ...rest } = {}) =>
      askPort(port, method, path, {
        ...rest,
        headers: { ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }), ...headers },
      }),
    async close() {
      stopping.abort();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await registry.close();
      await store.close();
      await plain.close();
      await rm(directory, { recursive: true });
    },
  };
}
