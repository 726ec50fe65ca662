/** What the engine keeps of a container's output is found in its files, whichever of its drivers wrote it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { machineTape } from '../../../agent/disk/usage.ts';

const ID = 'c'.repeat(64);

describe("The bytes of a container's log", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'gantry-logbytes-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const write = (path: string, bytes: number): void => {
    const file = join(root, 'containers', ID, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, Buffer.alloc(bytes));
  };

  it('are those of the driver local, which Tasks have, with what was rotated', async () => {
    write('local-logs/container.log', 1_000);
    write('local-logs/container.log.1', 10_000);
    write('config.v2.json', 500);
    expect(await machineTape.logBytes(root, ID)).to.equal(11_000);
  });

  it('are those of json-file as well, and nothing else of the container', async () => {
    write(`${ID}-json.log`, 300);
    write(`${ID}-json.log.1`, 4_000);
    write('hostconfig.json', 500);
    expect(await machineTape.logBytes(root, ID)).to.equal(4_300);
  });

  it('are none for a container that is gone', async () => {
    expect(await machineTape.logBytes(root, ID)).to.equal(0);
  });
});
