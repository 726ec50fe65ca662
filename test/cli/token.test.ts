/** `gantry token`, on a data directory of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { KeyDirectory } from '../../net/keydirectory.ts';
import { TokenAuthority } from '../../net/tokens.ts';
import { type Ran, run } from './terminal.ts';

describe('gantry token', () => {
  let directory: string;
  const clock = new FakeClock();
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gantry-token-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const token = (...words: string[]): Promise<Ran> => run(['token', ...words], { directory, clock });
  const authority = async (): Promise<TokenAuthority> => {
    const opened = new TokenAuthority({ keys: new KeyDirectory(join(directory, '.gantry', 'pki')), clock });
    await opened.open();
    return opened;
  };

  it('create prints a token that the keys of the data directory verify, and nothing beside it', async () => {
    const made = await token('create', '--user', 'ann', '--group', 'a', '--group', 'b', '--ttl', '2h');
    expect(made.code, made.err).to.equal(0);
    expect(made.out).to.match(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    expect(made.err).to.match(/^token \S+ of user ann, good until \S+Z\n$/);
    const verified = await (await authority()).verify(made.out.trim());
    expect(verified).to.include({ user: 'ann', expiresAt: Math.floor(clock.now() / 1000) + 7_200 });
    expect(verified.groups).to.deep.equal(['a', 'b']);
  });

  it('revoke ends it, rotate does not', async () => {
    const text = (await token('create', '--user', 'ann')).out.trim();
    clock.advance(1_000);
    expect((await token('rotate')).out).to.match(/^tokens are signed with key \S+ from now on\n$/);
    await (await authority()).verify(text);
    expect((await token('revoke', text)).out).to.match(/^token \S+ of user ann is revoked\n$/);
    const problem = await (await authority()).verify(text).then(String, (error: Error) => error.message);
    expect(problem).to.equal('the token has been revoked');
  });

  for (const [words, problem] of [
    [['create'], "error: required option '--user <name>' not specified"],
    [['create', '--user', ''], 'gantry: --user wants a name'],
    [
      ['create', '--user', 'a', '--ttl', 'soon'],
      'gantry: --ttl: found "soon", wanted a duration from 1s to 8760h',
    ],
    [['create', '--user', 'a', '--ttl', '9000h'], 'gantry: --ttl: found "9000h"'],
    [
      ['create', '--user', 'system:serviceaccount:n:x'],
      'its tokens are made by the server: kubectl create token NAME',
    ],
    [['revoke', 'nonsense'], 'gantry: the token is not valid'],
  ] as const) {
    it(`${words.join(' ')} is refused with a sentence`, async () => {
      const refused = await token(...words);
      expect(refused.code).to.equal(1);
      expect(refused.err).to.include(problem);
      expect(refused.out).to.equal('');
    });
  }
});
