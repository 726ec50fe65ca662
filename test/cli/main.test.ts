/** The command as a process: few runs, since each costs a start. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';

const script = join(import.meta.dirname, '../../hack/gantry');

describe('hack/gantry', () => {
  let directory: string;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-main-'));
    symlinkSync(script, join(directory, 'linked'));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  it('runs from any directory, through a link, on the pinned Node', async () => {
    const { stdout } = await promisify(execFile)(join(directory, 'linked'), ['version', '--client'], {
      cwd: directory,
    });
    expect(stdout).to.match(/^Client Version: 0\.1\.0 \(Node v24\./);
  });

  it('exits 1 with one line when there is no server', async () => {
    const env = { PATH: process.env.PATH ?? '', HOME: directory };
    const failure = await promisify(execFile)(script, ['get', 'tasks'], { cwd: directory, env }).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).to.include({ code: 1, stdout: '' });
    expect(failure)
      .to.have.property('stderr')
      .that.matches(/^gantry: no kubeconfig found \(looked for .*\n$/);
  });

  it('ends quietly when nobody reads its output', () => {
    const line = '"$0" config 2>err | true; echo "exit ${PIPESTATUS[0]}"; cat err';
    const text = execFileSync('bash', ['-c', line, script], { encoding: 'utf8', cwd: directory });
    expect(text).to.equal('exit 0\n');
  });

  it('says so when its output cannot be written', () => {
    const line = '"$0" config >/dev/full; echo "exit $?"';
    const text = execFileSync('bash', ['-c', `{ ${line}; } 2>&1`, script], {
      encoding: 'utf8',
      cwd: directory,
    });
    expect(text).to.equal('gantry: cannot write to standard output: no space left on the disk\nexit 1\n');
  });
});
