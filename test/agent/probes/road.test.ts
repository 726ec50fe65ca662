/** Ways to a port in a container, and whose word a refusal is. */
import { type Duplex, duplexPair } from 'node:stream';
import { expect } from 'chai';
import { Overdue } from '../../../agent/probes/deadline.ts';
import { type Connect, Road } from '../../../agent/probes/road.ts';
import { RuntimeError, type RuntimeErrorReason } from '../../../machinery/errors.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';

const { signal } = new AbortController();
const socket = (): Duplex => duplexPair()[0];

class Ways {
  readonly tried: string[] = [];
  /** A system's error code, or none: it opens. */
  direct: string | undefined;
  dial: RuntimeErrorReason | undefined;

  road(address: string | undefined): Road {
    const runtime = new FakeRuntime({ clock: new FakeClock(), random: seededRandom(1) });
    runtime.dial = () => {
      this.tried.push('dial');
      if (this.dial === undefined) return Promise.resolve(socket());
      return Promise.reject(new RuntimeError(this.dial, 'the runtime says no'));
    };
    const connect: Connect = (host, port) => {
      this.tried.push(`${host}:${port}`);
      if (this.direct === undefined) return Promise.resolve(socket());
      return Promise.reject(Object.assign(new Error('system'), { code: this.direct }));
    };
    return new Road({ runtime, connect, containerId: 'c1', address: () => address });
  }
}

describe('roads to containers', () => {
  it('lead to the address where there is one, and through the runtime where there is none', async () => {
    const ways = new Ways();
    expect((await ways.road('10.0.0.2').connect(80, signal)).kind).to.equal('open');
    expect((await ways.road(undefined).connect(80, signal)).kind).to.equal('open');
    expect(ways.tried).to.deep.equal(['10.0.0.2:80', 'dial']);
  });

  it('lead inside where nobody listens at the address, and go on to, each port its own', async () => {
    const ways = new Ways();
    const road = ways.road('10.0.0.2');
    ways.direct = 'ECONNREFUSED';
    await road.connect(80, signal);
    await road.connect(80, signal);
    await road.connect(81, signal);
    expect(ways.tried.splice(0)).to.deep.equal(['10.0.0.2:80', 'dial', 'dial', '10.0.0.2:81', 'dial']);
    ways.dial = 'Failed';
    expect((await road.connect(80, signal)).kind).to.equal('refused');
    ways.direct = undefined;
    await road.connect(80, signal);
    expect(ways.tried).to.deep.equal(['dial', '10.0.0.2:80']);
  });

  it('are looked for inside less and less often while a port is refused, in the words of the address', async () => {
    const ways = new Ways();
    ways.direct = 'ECONNREFUSED';
    ways.dial = 'Failed';
    const road = ways.road('10.0.0.2');
    for (let times = 0; times < 64; times++) {
      expect(await road.connect(80, signal)).to.deep.include({
        kind: 'refused',
        message: 'dial tcp 10.0.0.2:80: connect: connection refused',
      });
    }
    const dialledAt: number[] = [];
    let question = 0;
    for (const way of ways.tried) {
      if (way === 'dial') dialledAt.push(question);
      else question++;
    }
    expect(dialledAt).to.deep.equal([1, 2, 4, 8, 16, 32, 48, 64]);
  });

  const words: readonly (readonly [string, 'refused' | 'unknown'])[] = [
    ['ECONNRESET', 'refused'],
    ['ETIMEDOUT', 'refused'],
    ['ENOTFOUND', 'refused'],
    ['EMFILE', 'unknown'],
    ['EADDRNOTAVAIL', 'unknown'],
    ['ENOBUFS', 'unknown'],
  ];
  for (const [code, kind] of words) {
    it(`${code} is ${kind === 'refused' ? 'the word of who was asked' : 'this machine’s own trouble'}`, async () => {
      const ways = new Ways();
      ways.direct = code;
      expect((await ways.road('10.0.0.2').connect(80, signal)).kind).to.equal(kind);
      expect(ways.tried).to.deep.equal(['10.0.0.2:80']);
    });
  }

  const reasons: readonly (readonly [RuntimeErrorReason, 'refused' | 'unknown'])[] = [
    ['Failed', 'refused'],
    ['Unavailable', 'unknown'],
    ['NotFound', 'unknown'],
    ['Conflict', 'unknown'],
  ];
  for (const [reason, kind] of reasons) {
    it(`a runtime that answers ${reason} says ${kind === 'refused' ? 'that nobody listens' : 'nothing about the container'}`, async () => {
      const ways = new Ways();
      ways.dial = reason;
      const road = ways.road(undefined);
      expect((await road.connect(80, signal)).kind).to.equal(kind);
    });
  }

  it('an engine that takes too long to lead there says nothing about the container', async () => {
    const ways = new Ways();
    ways.dial = 'Unavailable';
    const late = AbortSignal.abort(new Overdue(1_000));
    expect(await ways.road(undefined).connect(80, late)).to.deep.equal({
      kind: 'unknown',
      message: 'the engine did not connect to port 80 in time',
    });
  });
});
