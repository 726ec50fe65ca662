/**
 * Requests at random against the running server, over every protocol it speaks: never a 500, never a request without an
 * answer, never an error in the log, and afterwards everything stored is whole and every watch told the truth.
 *
 * Fixed seeds here; minutes of random ones with GANTRY_TEST_LONG=1; one by its number with GANTRY_FUZZ_SEED.
 */
import { randomInt } from 'node:crypto';
import { expect } from 'chai';
import { Certificates } from '../client/secureserver.ts';
import { Http2Client } from './http2.ts';
import { Mirror } from './mirror.ts';
import { exchange } from './rawhttp.ts';
import { problemsOfState, type RoundOptions, runRound } from './round.ts';
import { type FuzzTarget, openTarget } from './target.ts';

const { GANTRY_TEST_LONG, GANTRY_FUZZ_SEED } = process.env;
const LONG_MS = GANTRY_TEST_LONG === '1' && GANTRY_FUZZ_SEED === undefined ? 120_000 : 0;
const REQUESTS = 500;
const CONCURRENCY = 8;
const ROUND_MS = 60_000;
const MIRRORED = [
  '/api/v1/configmaps',
  '/api/v1/pods',
  '/apis/gantry.dev/v1/tasks',
  '/apis/rbac.authorization.k8s.io/v1/roles',
];

interface Wire {
  readonly name: string;
  readonly seeds: readonly number[];
  open(target: FuzzTarget): { readonly send: RoundOptions['send']; readonly close: () => void };
}

const WIRES: readonly Wire[] = [
  {
    name: 'plain HTTP/1.1',
    seeds: [1, 2],
    open: ({ plain }) => ({
      send: (request, options) => exchange(plain, request, options),
      close: () => undefined,
    }),
  },
  {
    name: 'HTTP/1.1 over TLS',
    seeds: [4],
    open: ({ secure }) => ({
      send: (request, options) => exchange(secure, request, options),
      close: () => undefined,
    }),
  },
  {
    name: 'HTTP/2',
    seeds: [5],
    open({ secure }) {
      const client = new Http2Client(secure);
      return {
        send: (request, options) => client.exchange(request, options),
        close: () => client.close(),
      };
    },
  },
];

describe('requests at random', () => {
  const certificates = new Certificates();
  after(() => certificates.remove());

  for (const wire of WIRES) {
    const seeds = GANTRY_FUZZ_SEED === undefined ? wire.seeds : [Number(GANTRY_FUZZ_SEED)];
    for (const seed of seeds) {
      it(`do no harm over ${wire.name}, with seed ${seed}`, async function () {
        this.timeout(ROUND_MS);
        await round(wire, seed);
      });
    }
    if (LONG_MS > 0) {
      it(`do no harm over ${wire.name} for ${LONG_MS / 1000} s`, async function () {
        this.timeout(LONG_MS + ROUND_MS);
        const endMs = performance.now() + LONG_MS;
        while (performance.now() < endMs) await round(wire, randomInt(2 ** 32));
      });
    }
  }

  async function round(wire: Wire, seed: number): Promise<void> {
    const target = await openTarget(certificates);
    const client = wire.open(target);
    try {
      await target.prepare();
      const mirrors = await Promise.all(MIRRORED.map((path) => Mirror.open(target.plain.port, path)));
      await runRound(target, { seed, requests: REQUESTS, concurrency: CONCURRENCY, send: client.send });
      for (const mirror of mirrors) await mirror.check();
      for (const mirror of mirrors) await mirror.close();
      expect(await problemsOfState(target.plain.port)).to.deep.equal([]);
      expect(target.takeFaults()).to.deep.equal([]);
    } catch (error) {
      const replay = `GANTRY_FUZZ_SEED=${seed} npx mocha test/fuzz/server.test.ts -g '${wire.name}'`;
      throw new Error(`${error instanceof Error ? error.message : String(error)}\nreplay: ${replay}`, {
        cause: error,
      });
    } finally {
      client.close();
      await target.close();
    }
  }
});
