/** hack/down.sh --all, with an engine, a Gantry and a command of its own that only write down what they are told. */
import { execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const CLUSTER = '6f0d4c9e-0000-4000-8000-000000000001';
const DOCKER = `#!/bin/sh
echo "$*" >> "$CALLS"
case "$*" in
  "network ls"*"label=gantry.dev/cluster=${CLUSTER}"*) printf 'gantry.a.bridge.1\\ngantry.b.bridge.1\\n' ;;
  "network rm gantry.b.bridge.1") echo "has active endpoints" >&2; exit 1 ;;
  "volume ls"*"label=gantry.dev/cluster=${CLUSTER}"*) echo gantry.a.data ;;
esac
`;

describe('hack/down.sh --all', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'gantry-down-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('leaves no network of its own on the engine, and names the volumes that it leaves', async () => {
    for (const folder of ['hack', 'bin', 'cli', 'home/store'])
      mkdirSync(join(root, folder), { recursive: true });
    for (const script of ['down.sh', 'machine.sh']) cpSync(join('hack', script), join(root, 'hack', script));
    for (const [path, text] of [
      ['hack/gantry', '#!/bin/sh\necho "gantry $1 $2" >> "$CALLS"\n'],
      ['bin/docker', DOCKER],
    ] as const) {
      writeFileSync(join(root, path), text);
      chmodSync(join(root, path), 0o755);
    }
    writeFileSync(join(root, 'cli/main.ts'), 'setInterval(() => {}, 1000);');
    writeFileSync(join(root, 'home/store/cluster-id'), CLUSTER);
    const gantry = spawn(process.execPath, ['cli/main.ts', 'up', '--dev'], {
      cwd: root,
      stdio: 'ignore',
      detached: true,
    });
    gantry.unref();
    try {
      writeFileSync(join(root, 'home/gantry.pid'), String(gantry.pid));
      const calls = join(root, 'calls');
      const { stdout } = await promisify(execFile)('bash', [join(root, 'hack/down.sh'), '--all'], {
        timeout: 60_000,
        env: {
          PATH: `${join(root, 'bin')}:${process.env['PATH']}`,
          GANTRY_HOME: join(root, 'home'),
          CALLS: calls,
        },
      });
      expect(readFileSync(calls, 'utf8')).to.include(
        'network rm gantry.a.bridge.1\nnetwork rm gantry.b.bridge.1\n',
      );
      expect(readFileSync(calls, 'utf8')).to.match(
        /^gantry delete jobs,tasksets,runs\ngantry delete tasks\n/,
        'what makes Tasks would make others while they go',
      );
      expect(readFileSync(calls, 'utf8')).not.to.include('volume rm');
      expect(stdout)
        .to.match(/gantry\.b\.bridge\.1 stays/)
        .and.to.match(/volumes stay.*: gantry\.a\.data/);
      expect(existsSync(join(root, 'home'))).to.equal(false);
    } finally {
      gantry.kill('SIGKILL');
    }
  });
});
