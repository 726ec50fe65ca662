/** Seccomp profiles by name: what is read, and what is refused with which words. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openSeccompProfiles } from '../../agent/seccomp.ts';
import { RuntimeError } from '../../machinery/errors.ts';

describe('seccomp profiles of a worker', () => {
  const { signal } = new AbortController();
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gantry-seccomp-'));
    await mkdir(join(folder, 'team'));
    await writeFile(join(folder, 'team', 'strict.json'), '{"defaultAction":"SCMP_ACT_ERRNO"}');
    await writeFile(join(folder, 'broken.json'), 'not json');
  });
  afterEach(() => rm(folder, { recursive: true }));

  const refusal = async (name: string, of: string | undefined = folder): Promise<string> => {
    try {
      return `read: ${await openSeccompProfiles(of).read(name, signal)}`;
    } catch (error) {
      expect(error).to.be.instanceOf(RuntimeError).and.include({ reason: 'InvalidSpec' });
      return error instanceof RuntimeError ? error.message : '';
    }
  };

  it('reads one by its path below the folder', async () => {
    expect(await refusal('team/strict.json')).to.equal('read: {"defaultAction":"SCMP_ACT_ERRNO"}');
  });

  it('refuses what is not there, what is not a profile and what is elsewhere', async () => {
    expect(await refusal('none.json')).to.include('seccomp profile "none.json" cannot be read');
    expect(await refusal('broken.json')).to.include('is not a JSON object');
    for (const name of ['../x', 'team/../../x', './x', 'team//strict.json']) {
      expect(await refusal(name), name).to.include('wanted a path below');
    }
  });

  it('says how to have any where there is no folder', async () => {
    try {
      await openSeccompProfiles(undefined).read('x', signal);
      expect.fail('it was read');
    } catch (error) {
      expect(String(error)).to.include('--seccomp-dir');
    }
  });
});
