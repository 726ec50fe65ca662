/** Certificates that end while a server runs, with a clock that moves as told and connections that are real. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect } from 'chai';
import { pino } from 'pino';
import { type TlsListener, tlsListener } from '../../api/server/listener.ts';
import { renewCertificates } from '../../cli/renewal.ts';
import { systemClock } from '../../machinery/clock.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { silentLog } from '../../machinery/log.ts';
import { openPki, type Pki } from '../../net/pki.ts';
import { newTestApp } from '../api/server/harness.ts';
import { openWorld, type World } from '../world.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

describe('Certificates of a running server', () => {
  let directory: string;
  let clock: FakeClock;
  let world: World;
  let stop: AbortController;
  const open = (): Promise<Pki> => openPki({ directory, clock, hostnames: [], addresses: [] });
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gantry-renewal-'));
    // TLS looks at the real time: what is made now was made 336 days ago, and is due when the clock has caught up.
    clock = new FakeClock(Math.floor(Date.now() / 1000) * 1000 - 336 * DAY_MS);
    world = await openWorld();
    stop = new AbortController();
  });
  afterEach(async () => {
    stop.abort();
    await world.close();
    await rm(directory, { recursive: true });
  });

  const listen = async (pki: Pki, isHttp1Only: boolean): Promise<{ listener: TlsListener; port: number }> => {
    const listener = tlsListener(newTestApp(world), {
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      log: silentLog,
      isHttp1Only,
      cert: pki.server.certificate,
      key: pki.server.key,
      ca: pki.authority,
    });
    return { listener, port: (await listener.start()).port };
  };
  const fingerprint = async (pki: Pki, port: number): Promise<string> => {
    const socket = connect({ host: '127.0.0.1', port, ca: pki.authority });
    await once(socket, 'secureConnect');
    const found = socket.getPeerCertificate().fingerprint256;
    socket.destroy();
    return found;
  };

  for (const isHttp1Only of [false, true]) {
    it(`are replaced without a connection noticing, ${isHttp1Only ? 'HTTP/1.1' : 'HTTP/2'}`, async () => {
      const pki = await open();
      const { listener, port } = await listen(pki, isHttp1Only);
      const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: pki.authority });
      const sockets = new Set<unknown>();
      const ask = async (): Promise<number> => {
        const asked = request({ host: '127.0.0.1', port, path: '/livez', agent });
        asked.end();
        const [response] = await once(asked, 'response');
        sockets.add(asked.socket);
        response.resume();
        await once(response, 'end');
        return response.statusCode;
      };
      const session = isHttp1Only
        ? undefined
        : connectHttp2(`https://127.0.0.1:${port}`, { ca: pki.authority });
      const askHttp2 = async (): Promise<unknown> => {
        if (session === undefined) return 200;
        const stream = session.request({ ':path': '/livez' });
        const [headers] = await once(stream, 'response');
        stream.resume();
        await once(stream, 'end');
        return headers[':status'];
      };
      expect([await ask(), await askHttp2()]).to.deep.equal([200, 200]);
      const before = await fingerprint(pki, port);

      const used = new Promise<Pki>((resolve) => {
        const use = async (renewed: Pki): Promise<void> => {
          listener.renew({
            cert: renewed.server.certificate,
            key: renewed.server.key,
            ca: renewed.authority,
          });
          resolve(renewed);
        };
        void renewCertificates({ pki, reopen: open, use, clock, log: silentLog }, stop.signal);
      });
      clock.advance(336 * DAY_MS);
      const renewed = await used;
      expect(renewed.authority).to.equal(pki.authority);
      const after = await fingerprint(pki, port);
      expect(after).to.not.equal(before);
      // A client of before is still believed, on its old connection and on a new one.
      expect([await ask(), await askHttp2()]).to.deep.equal([200, 200]);
      expect(sockets.size, 'connections of the agent').to.equal(1);
      const cert = { cert: pki.admin.certificate, key: pki.admin.key, ca: pki.authority };
      const asked = request({
        host: '127.0.0.1',
        port,
        path: '/apis/gantry.dev/v1/tasks',
        agent: false,
        ...cert,
      });
      asked.end();
      const [response] = await once(asked, 'response');
      expect(response.statusCode).to.equal(200);
      response.resume();
      session?.close();
      agent.destroy();
      await listener.stop(1_000);
    });
  }

  it('are looked at once a day, and again in an hour when that failed, which is told', async () => {
    const pki = await open();
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
    let looks = 0;
    let uses = 0;
    let isBroken = false;
    const reopen = async (): Promise<Pki> => {
      looks++;
      if (isBroken) throw new Error('the disk is gone');
      return open();
    };
    const use = async (): Promise<void> => void uses++;
    const running = renewCertificates({ pki, reopen, use, clock, log }, stop.signal);
    /** The loop waits again, and has looked so often. */
    const waiting = async (wanted: number): Promise<void> => {
      const endMs = performance.now() + 5_000;
      while (looks < wanted || clock.nextDueMs() === undefined) {
        if (performance.now() > endMs) throw new Error(`looked ${looks} times, wanted ${wanted}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    clock.advance(DAY_MS - 1);
    await waiting(0);
    expect(looks).to.equal(0);
    clock.advance(1);
    await waiting(1);
    isBroken = true;
    clock.advance(335 * DAY_MS);
    await waiting(2);
    expect(lines.join('')).to.include('the disk is gone').and.include('trying again in an hour');
    isBroken = false;
    expect(uses).to.equal(0);
    clock.advance(HOUR_MS);
    await waiting(3);
    expect(uses).to.equal(1);
    expect(lines.at(-1)).to.include('certificates were renewed');
    clock.advance(DAY_MS);
    await waiting(4);
    expect(uses).to.equal(1);
    stop.abort();
    await running;
  });
});
