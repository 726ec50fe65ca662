/**
 * Nothing is left when callers vanish: many calls, aborted at moments that a seed chooses (and some never answered by their
 * readers), and then everything that could leak is counted: files and sockets of this process, what keeps it alive, its
 * children, and processes in the container. 300 calls; 2,000 with GANTRY_TEST_LONG=1; one run again with GANTRY_LEAK_SEED.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import { type Random, seededRandom } from '../../machinery/random.ts';
import type { ProcessOptions } from '../../machinery/runtime.ts';
import { DockerRuntime } from '../../runtime/docker/docker.ts';
import { eventually } from './expectations.ts';
import { TEST_LABEL } from './rig.ts';
import { docker, endpoint, IMAGE, isLeftOut, prepareEngine, shell, sweep } from './sample-engine.ts';

const CALLS = process.env['GANTRY_TEST_LONG'] === '1' ? 2_000 : 300;
const SEED = Number(process.env['GANTRY_LEAK_SEED'] ?? Date.now() % 1_000_000);
const AT_ONCE = 12;
/** A start takes 60 ms alone, so aborts fall before, into and after each of its steps. */
const MAX_DELAY_MS = 250;
const PORT = 7777;

type Act = (runtime: DockerRuntime, id: string, signal: AbortSignal, random: Random) => Promise<void>;

const options = (random: Random): ProcessOptions => {
  const tty = random.next() < 0.3;
  return { stdin: random.next() < 0.5, stdout: true, stderr: !tty, tty };
};

/** Reads for a while, all of it, or nothing. */
async function readSome(output: AsyncIterable<unknown>, random: Random): Promise<void> {
  const most = Math.floor(random.next() * 4);
  let seen = 0;
  if (most === 0) return;
  for await (const _ of output) if (++seen === most) return;
}

const ACTS: Readonly<Record<string, Act>> = {
  async exec(runtime, id, signal, random) {
    const script = [
      'sleep 7200',
      'while :; do echo tick; sleep 0.02; done',
      'sleep 7200 & wait',
      'cat',
      'true',
    ];
    const command = shell(script[Math.floor(random.next() * script.length)] ?? 'true');
    const session = await runtime.exec(id, command, options(random), signal);
    await readSome(session.output, random);
    if (random.next() < 0.3) await session.kill();
    await session.ended;
  },
  async attach(runtime, id, signal, random) {
    const session = await runtime.attach(id, options(random), signal);
    await readSome(session.output, random);
    if (random.next() < 0.5) session.close();
    await session.ended;
  },
  async logs(runtime, id, signal, random) {
    const tail = random.next() < 0.5 ? { tailLines: 0 } : {};
    await readSome(runtime.logs(id, { follow: true, ...tail }, signal), random);
  },
  async dial(runtime, id, signal) {
    const connection = await runtime.dial(id, PORT, signal);
    // Whoever got it owns it: the signal is only for the making of it.
    connection.destroy();
  },
  async 'dial of nobody'(runtime, id, signal) {
    await runtime.dial(id, PORT + 1, signal);
  },
  async stats(runtime, id, signal) {
    await runtime.stats(id, signal);
  },
  async events(runtime, _id, signal, random) {
    await readSome(runtime.events({}, signal), random);
  },
  async list(runtime, _id, signal) {
    await runtime.list({}, signal);
  },
};

interface Count {
  readonly sockets: number;
  readonly files: number;
  readonly children: number;
  readonly resources: number;
}

function count(): Count {
  const links = readdirSync('/proc/self/fd').map((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`);
    } catch {
      // The one that reads the folder.
      return '';
    }
  });
  const active = process.getActiveResourcesInfo();
  return {
    sockets: links.filter((link) => link.startsWith('socket:')).length,
    files: links.filter((link) => link !== '').length,
    children: active.filter((name) => name === 'ProcessWrap').length,
    resources: active.length,
  };
}

(isLeftOut ? describe.skip : describe)('DockerRuntime: calls whose callers vanish', function () {
  this.timeout(CALLS * 400 + 60_000);
  const replay = `GANTRY_LEAK_SEED=${SEED} npx mocha --exit test/runtime/leaks.test.ts`;
  let id: string;

  before(async () => {
    await prepareEngine();
    const container = await docker.createContainer({
      name: `gantry-rttest-${process.pid}-leaks`,
      Image: IMAGE,
      Labels: { [TEST_LABEL]: 'runtime' },
      HostConfig: { NetworkMode: 'bridge' },
      Cmd: shell(`nc -ll -p ${PORT} -e /bin/cat & while :; do echo tock; sleep 0.05; done`),
    });
    await container.start();
    id = container.id;
  });
  after(sweep);

  const processesInside = async (): Promise<readonly string[]> => {
    const listed: { readonly Processes: string[][] } = await docker
      .getContainer(id)
      .top({ ps_args: '-eo pid,args' });
    return listed.Processes.map(([, args = '']) => args).filter((args) =>
      /sleep 7200|echo tick|^cat|true/.test(args),
    );
  };

  it(`leaves nothing behind after ${CALLS} calls of every kind (${replay})`, async () => {
    const random = seededRandom(SEED);
    const runtime = new DockerRuntime(endpoint, systemClock);
    const names = Object.keys(ACTS);
    const once = async (name: string): Promise<void> => {
      const leaving = new AbortController();
      const delayMs = random.next() * MAX_DELAY_MS;
      const timer = setTimeout(() => leaving.abort(), delayMs);
      try {
        await ACTS[name]?.(runtime, id, leaving.signal, random);
      } catch (error) {
        if (!(error instanceof RuntimeError))
          throw new Error(`${name}: not a RuntimeError; ${replay}`, { cause: error });
      } finally {
        clearTimeout(timer);
      }
    };
    // What is made once and kept (a dialer of the container's network, connections for later requests) is there before.
    for (const name of names) await once(name);
    const settled = async (): Promise<Count> => {
      let last = count();
      let same = 0;
      await eventually(async () => {
        const now = count();
        same = JSON.stringify(now) === JSON.stringify(last) ? same + 1 : 0;
        last = now;
        return same >= 20 || undefined;
      }, `the counts to settle; ${replay}`);
      return last;
    };
    const before = await settled();

    let made = 0;
    const worker = async (): Promise<void> => {
      while (made < CALLS) await once(names[made++ % names.length] ?? 'list');
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));

    let left: readonly string[] = [];
    await eventually(async () => {
      left = await processesInside();
      return left.length === 0 || undefined;
    }, 'no process of an exec').catch(() => undefined);
    expect(left, replay).to.deep.equal([]);
    // Connections that Node keeps for the next request, up to as many as were used at once, close within seconds.
    let now = count();
    await eventually(async () => {
      now = count();
      return (
        (now.sockets <= before.sockets + 2 &&
          now.files <= before.files + 2 &&
          now.children <= before.children) ||
        undefined
      );
    }, 'counts as before').catch(() => undefined);
    const message = `before ${JSON.stringify(before)}, after ${JSON.stringify(now)}; ${replay}`;
    if (process.env['GANTRY_LEAK_SHOW'] === '1') console.log(message);
    expect(now.sockets, message).to.be.at.most(before.sockets + 2);
    expect(now.files, message).to.be.at.most(before.files + 2);
    expect(now.children, message).to.be.at.most(before.children);
    expect(now.resources, message).to.be.at.most(before.resources + 4);
  });
});
