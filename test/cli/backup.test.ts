/** `gantry backup --store` and `gantry restore`, on directories of their own: what they say, and what they refuse. */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { KeyRing } from '../../store/encryption.ts';
import { openStore } from '../../store/open.ts';
import { mustCommit, put } from '../store/builders.ts';
import { type Ran, run } from './terminal.ts';

describe('gantry backup and gantry restore', function () {
  this.timeout(30_000);
  let directory: string;
  let clusterId: string;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gantry-backup-'));
    const home = join(directory, '.gantry');
    await mkdir(home);
    const keyFile = KeyRing.newFile();
    await writeFile(join(home, 'encryption.key'), keyFile);
    const encryption = { keys: KeyRing.parse(keyFile), prefixes: ['/registry/core/secrets/'] };
    const store = await openStore(`sqlite:${join(home, 'store')}`, { clock: new FakeClock(), encryption });
    ({ clusterId } = store);
    await mustCommit(
      store,
      put('/registry/core/secrets/default/a', 'hush'),
      put('/registry/core/configmaps/default/b', '{}'),
    );
    await mustCommit(store, put('/registry/core/configmaps/default/c', '{}'));
    await store.close();
  });
  after(() => rm(directory, { recursive: true }));

  const gantry = (...words: string[]): Promise<Ran> => run(words, { directory });

  it('say what they did, and what is not in the file', async () => {
    const made = await gantry('backup', 'one.backup', '--store', 'sqlite:.gantry/store');
    expect(made.code, made.err).to.equal(0);
    expect(made.out).to.match(
      new RegExp(
        `^backup one\\.backup: cluster ${clusterId} at revision 3, 3 keys, \\d+ bytes \\(\\d+ in the file\\), \\d+\\.\\d s\nnot in it, keep apart: the encryption key file that has key 0x[0-9a-f]{8}; the pki directory \\(authority, token keys\\)\n$`,
      ),
    );
    const looked = await gantry('restore', '--verify', 'one.backup');
    expect(looked.code, looked.err).to.equal(0);
    expect(looked.out).to.match(
      /3 keys, \d+ bytes, Secrets encrypted with key 0x[0-9a-f]{8}\n {2}2 \/registry\/core\/configmaps\n {2}1 \/registry\/core\/secrets\nthe backup is whole and readable/,
    );

    const restored = await gantry('restore', 'one.backup', '--store', 'sqlite:again');
    expect(restored.code, restored.err).to.equal(0);
    expect(restored.out).to.include(
      `restored into sqlite:${join(directory, 'again')}: cluster ${clusterId} goes on at revision`,
    );
    expect((await gantry('store', 'check', '--store', 'sqlite:again')).out).to.include('the store is sound');

    const twice = await gantry('restore', 'one.backup', '--store', 'sqlite:again');
    expect(twice.code).to.equal(1);
    expect(twice.err).to.include(`mv ${join(directory, 'again')} ${join(directory, 'again')}.before`);
  });

  for (const [words, problem] of [
    [['restore', '-'], 'give a file, not standard input'],
    [['restore', 'none.backup', '--store', 'sqlite:new'], 'cannot read the backup'],
    [['restore', 'none.backup', '--store', 'memory:'], '--store memory: forgets what is restored'],
    [['backup', 'x.backup', '--store', 'sqlite:nowhere'], 'nothing to back up'],
    [['backup', 'x.backup', '--store', 'memory:'], 'inside a running server'],
    [['backup', '.gantry/encryption.key', '--store', 'sqlite:.gantry/store'], 'another file has that name'],
    [['backup', 'x.backup'], 'no kubeconfig found'],
  ] as const) {
    it(`${words.join(' ')} is refused with a sentence, and leaves nothing`, async () => {
      const refused = await gantry(...words);
      expect(refused.code).to.equal(1);
      expect(refused.err.trim().split('\n')).to.have.length(1);
      expect(refused.err).to.include(problem);
      for (const name of ['new', 'nowhere', 'x.backup', 'x.backup.partial']) {
        expect(existsSync(join(directory, name)), name).to.equal(false);
      }
    });
  }
});
