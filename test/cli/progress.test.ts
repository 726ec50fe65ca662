/** How long work goes: one line that moves on a terminal, plain lines elsewhere, and no control byte there. */
import { expect } from 'chai';
import { bytesWords, withProgress } from '../../cli/progress.ts';
import { standingOf } from '../../cli/standing.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import { tasks } from '../../schemas/kinds.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';

const certificates = new Certificates();

/** What `work` makes of a line, piece by piece as it was written. */
async function written(
  columns: number | undefined,
  work: (
    say: (text: string) => Promise<void>,
    pass: (ms: number) => Promise<void>,
    tell: (text: string) => void,
  ) => Promise<void>,
): Promise<readonly string[]> {
  const clock = new FakeClock();
  const pieces: string[] = [];
  const output = {
    write: async (text: string | Uint8Array): Promise<void> => void pieces.push(String(text)),
    columns: () => columns,
  };
  let standing: string | undefined;
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 50) {
      clock.advance(50);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await withProgress(
    { stderr: output, clock },
    () => standing,
    (progress) =>
      work(
        (text) => progress.apart(() => output.write(text)),
        pass,
        (text) => {
          standing = text;
        },
      ),
  );
  await pass(60_000);
  return pieces;
}

describe('progress', () => {
  it('on a terminal is one line that is rewritten, cut to its width, and wiped at the end', async () => {
    const pieces = await written(20, async (_say, pass, tell) => {
      await pass(300);
      tell('first');
      await pass(250);
      tell('this is longer than the terminal is wide');
      await pass(250);
    });
    expect(pieces).to.deep.equal(['\r\u001b[Kfirst', '\r\u001b[Kthis is longer tha…', '\r\u001b[K']);
  });

  it('is whole on a terminal that says it is 0 wide, as one does that nobody told', async () => {
    const pieces = await written(0, async (_say, pass, tell) => {
      tell('as it stands');
      await pass(250);
    });
    expect(pieces[0]).to.equal('\r\u001b[Kas it stands');
  });

  it('makes room for what is written beside it, and comes again afterwards', async () => {
    const pieces = await written(80, async (say, pass, tell) => {
      tell('moving');
      await pass(250);
      await say('a line\n');
      await pass(250);
    });
    expect(pieces).to.deep.equal([
      '\r\u001b[Kmoving',
      '\r\u001b[K',
      'a line\n',
      '\r\u001b[Kmoving',
      '\r\u001b[K',
    ]);
  });

  it('elsewhere is a plain line every ten seconds, only when it is new, without a control byte', async () => {
    const pieces = await written(undefined, async (_say, pass, tell) => {
      tell('first');
      await pass(9_900);
      tell('second\nwith \u001b[31mcolour');
      await pass(25_000);
      tell('third');
      await pass(10_000);
    });
    expect(pieces).to.deep.equal(['second with  [31mcolour\n', 'third\n']);
  });

  it('says nothing of what is over sooner', async () => {
    expect(await written(undefined, async (_say, pass, tell) => (tell('x'), pass(9_000)))).to.deep.equal([]);
    expect(await written(80, async (_say, pass, tell) => (tell('x'), pass(200)))).to.deep.equal([]);
  });

  it('tells bytes as people do', () => {
    expect([0, 1023, 1024, 1_500_000, 5e9].map(bytesWords)).to.deep.equal([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.4 MiB',
      '4.7 GiB',
    ]);
  });

  const object = (fields: Record<string, unknown>): DynamicObject => ({
    apiVersion: 'v1',
    kind: 'X',
    metadata: { name: 'x' },
    ...fields,
  });
  const rows: readonly (readonly [name: string, object: DynamicObject | undefined, said: string])[] = [
    ['nothing', undefined, 'not there'],
    ['no status', object({}), 'no status yet'],
    [
      'a Task',
      object({
        status: {
          phase: 'Pending',
          reason: 'ContainerCreating',
          message: 'image "a" is being pulled: 1 MiB of 2 MiB, 0 of 1 layer',
        },
      }),
      'Pending (ContainerCreating): image "a" is being pulled: 1 MiB of 2 MiB, 0 of 1 layer',
    ],
    [
      'a TaskSet',
      object({ status: { desiredReplicas: 3, updatedReplicas: 2, readyReplicas: 1 } }),
      '2 of 3 updated, 1 ready',
    ],
    [
      'a Run',
      object({
        status: {
          state: 'running',
          tasks: [
            { name: 'a', state: 'completed' },
            { name: 'b', state: 'running' },
          ],
        },
      }),
      'running; 1 of 2 steps ended, b running',
    ],
    [
      'a condition',
      object({
        status: { conditions: [{ type: 'Ready', status: 'False', reason: 'Lost', message: 'no heartbeat' }] },
      }),
      'Ready is False (Lost): no heartbeat',
    ],
    [
      'a deletion',
      {
        ...object({}),
        metadata: {
          name: 'x',
          deletionTimestamp: '2026-01-01T00:00:00Z',
          finalizers: ['gantry.dev/container'],
        },
      },
      'being deleted, held by gantry.dev/container',
    ],
  ];
  for (const [name, given, said] of rows) {
    it(`tells how something stands: ${name}`, () => expect(standingOf(given)).to.equal(said));
  }

  it('of gantry wait is what the object says of itself, a pull too; standard output stays for what came of it', async () => {
    const world = await CommandWorld.open(certificates);
    try {
      await world.create(tasks, 'big', { spec: { image: 'big:1' } });
      const wait = async (columns: number | undefined) => {
        const message = 'image "big:1" is being pulled: 3 MiB of 80 MiB, 0 of 2 layers';
        await world.report(tasks, 'big', { phase: 'Pending', reason: 'ContainerCreating', message });
        let told = '';
        const ran = world.gantry('wait task/big --for jsonpath={.status.phase}=Running --timeout 1h', {
          ...(columns === undefined ? {} : { columns }),
          onError: (err) => {
            told = err;
          },
        });
        // The first it says may be before it has read the object.
        for (let seconds = 0; seconds < 3000 && !told.includes('80 MiB'); seconds++) {
          await new Promise((resolve) => setTimeout(resolve, 5));
          await world.world.advance(1000);
        }
        await world.report(tasks, 'big', { phase: 'Running' });
        return ran;
      };
      const plain = await wait(undefined);
      expect([plain.code, plain.out]).to.deep.equal([0, 'task.gantry.dev/big condition met\n']);
      expect(plain.err).to.equal(
        'waiting for jsonpath={.status.phase}=Running of task.gantry.dev/big: Pending (ContainerCreating): image "big:1" is being pulled: 3 MiB of 80 MiB, 0 of 2 layers\n',
      );
      const moving = await wait(200);
      expect([moving.code, moving.out]).to.deep.equal([0, 'task.gantry.dev/big condition met\n']);
      const frames = moving.err.split('\r\u001b[K');
      expect([frames[0], frames.at(-1)], 'it begins and ends with an empty line').to.deep.equal(['', '']);
      expect(frames.at(-2)).to.match(/^waiting for .*3 MiB of 80 MiB.*s\)$/);
    } finally {
      await world.close();
      certificates.remove();
    }
  });
});
