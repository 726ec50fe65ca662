/** Bearer tokens: what proves something and what does not, and what changes while a server runs. */
import { appendFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { pino } from 'pino';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { silentLog } from '../../machinery/log.ts';
import { KeyDirectory } from '../../net/keydirectory.ts';
import { parseTokenFile, StaticTokens } from '../../net/statictokens.ts';
import { MAX_TOKEN_SECONDS, TOKEN_AUDIENCE, TokenAuthority } from '../../net/tokens.ts';

const claims = { user: 'jane', groups: ['dev'], audiences: [TOKEN_AUDIENCE] };

async function problemOf(work: Promise<unknown>): Promise<string> {
  const outcome = await work.then(
    (value) => `no problem: ${JSON.stringify(value)}`,
    (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : String(error)),
  );
  return outcome;
}

describe('Tokens', () => {
  let directory: string;
  let clock: FakeClock;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gantry-tokens-'));
    clock = new FakeClock();
  });
  afterEach(() => rm(directory, { recursive: true }));

  const opened = async (): Promise<TokenAuthority> => {
    const authority = new TokenAuthority({ keys: new KeyDirectory(directory), clock });
    await authority.open();
    return authority;
  };

  it('that were signed here prove what they say', async () => {
    const authority = await opened();
    const bound = {
      namespace: 'n',
      serviceAccount: { name: 'bot', uid: 'u' },
      secret: { name: 's', uid: 'v' },
    };
    const { token, id, expiresAt } = await authority.sign({ ...claims, bound }, 600);
    expect(await authority.verify(token)).to.deep.equal({ ...claims, bound, id, expiresAt });
    expect(expiresAt).to.equal(Math.floor(clock.now() / 1000) + 600);
    expect(authority.isOurs(token)).to.equal(true);
    expect(authority.isOurs('opaque')).to.equal(false);
    const again = await opened();
    expect((await again.verify(token)).user).to.equal('jane');
  });

  it('that were changed, or signed by somebody else, prove nothing', async () => {
    const authority = await opened();
    const { token } = await authority.sign(claims, 600);
    const [head = '', body = '', signature = ''] = token.split('.');
    const forged = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(body, 'base64url').toString()), sub: 'admin' }),
    ).toString('base64url');
    expect(await problemOf(authority.verify(`${head}.${forged}.${signature}`))).to.match(
      /^TokenError: the token is not valid/,
    );
    const unsigned = Buffer.from('{"alg":"none"}').toString('base64url');
    expect(await problemOf(authority.verify(`${unsigned}.${body}.`))).to.match(/^TokenError/);
    const elsewhere = new TokenAuthority({ keys: new KeyDirectory(join(directory, 'other')), clock });
    await elsewhere.open();
    expect(await problemOf(elsewhere.verify(token))).to.include('signed with a key that is not known here');
  });

  it('end', async () => {
    const authority = await opened();
    const { token } = await authority.sign(claims, 60);
    await authority.verify(token);
    clock.advance(59_999);
    await authority.verify(token);
    clock.advance(2);
    expect(await problemOf(authority.verify(token))).to.equal('TokenError: the token has expired');
    expect(await problemOf((await opened()).verify(token))).to.equal('TokenError: the token has expired');
    const { expiresAt } = await authority.sign(claims, 2 ** 32);
    expect(expiresAt).to.equal(Math.floor(clock.now() / 1000) + MAX_TOKEN_SECONDS);
  });

  it('are for whom they are for', async () => {
    const authority = await opened();
    const { token } = await authority.sign({ ...claims, audiences: ['vault'] }, 60);
    expect(await problemOf(authority.verify(token))).to.include('is invalid for the target audiences');
    expect((await authority.verify(token, ['vault', 'x'])).audiences).to.deep.equal(['vault']);
  });

  it('that are revoked elsewhere prove nothing a second later', async () => {
    const server = await opened();
    const { token, id, expiresAt } = await server.sign(claims, 600);
    const { token: other } = await server.sign(claims, 600);
    await server.verify(token);
    await (await opened()).revoke(id, expiresAt);
    clock.advance(1_001);
    expect(await problemOf(server.verify(token))).to.equal('TokenError: the token has been revoked');
    expect((await server.verify(other)).user).to.equal('jane');
  });

  it('that two processes revoke at once are both revoked, beside those of earlier releases', async () => {
    const server = await opened();
    const signed = await Promise.all(Array.from({ length: 9 }, () => server.sign(claims, 600)));
    const [old, ...others] = signed;
    await writeFile(join(directory, 'tokens-revoked'), `${old?.id} ${old?.expiresAt}\n`);
    const [one, other] = [await opened(), await opened()];
    await Promise.all(
      others.map(({ id, expiresAt }, index) => (index % 2 === 0 ? one : other).revoke(id, expiresAt)),
    );
    clock.advance(1_001);
    for (const { token } of signed)
      expect(await problemOf(server.verify(token))).to.equal('TokenError: the token has been revoked');
    // What has ended anyway is not kept.
    clock.advance(700_000);
    const last = await one.sign(claims, 600);
    await one.revoke(last.id, last.expiresAt);
    expect(await readdir(join(directory, 'revoked'))).to.deep.equal([`${last.id}.${last.expiresAt}`]);
  });

  it('survive a rotation, which a running server hears of', async () => {
    const server = await opened();
    const { token: before } = await server.sign(claims, 600);
    clock.advance(5_000);
    const tool = await opened();
    await tool.rotate();
    const { token: after } = await tool.sign(claims, 600);
    expect((await server.verify(after)).user).to.equal('jane');
    expect((await server.verify(before)).user).to.equal('jane');
    const keyOf = (token: string): string => token.split('.')[0] ?? '';
    expect(keyOf(before)).not.to.equal(keyOf(after));
    // A year later nothing can be alive that the first key signed.
    clock.advance((MAX_TOKEN_SECONDS + 60) * 1_000);
    await tool.rotate();
    expect(await problemOf((await opened()).inspect(before))).to.include('a key that is not known here');
  });
});

describe('The static token file', () => {
  it('is read as Kubernetes reads it', () => {
    const text = 'abc,jane,1,"dev,ops"\r\n\ndef,joe,2\n"g,h",jim,3,one\n';
    expect(parseTokenFile(text, 'f')).to.deep.equal([
      { token: 'abc', name: 'jane', uid: '1', groups: ['dev', 'ops'] },
      { token: 'def', name: 'joe', uid: '2', groups: [] },
      { token: 'g,h', name: 'jim', uid: '3', groups: ['one'] },
    ]);
  });

  for (const [text, problem] of [
    ['a,b', 'f:1: found 2 fields, wanted token,user,uid'],
    ['x,y,z\n,b,c', 'f:2: the token is empty'],
    ['secret,,1', 'f:1: the user is empty'],
    ['secret,a,1\nsecret,b,2', 'f:2: the token of user "b" is there twice'],
    ['a,b,c,"d', 'f:1: a quote is not closed'],
    ['a,b,c,"d"e', 'f:1: a quote is not closed, or not at the end of a field'],
  ] as const) {
    it(`says what is wrong with ${JSON.stringify(text)}, and no token`, () => {
      expect(() => parseTokenFile(text, 'f'))
        .to.throw(problem)
        .with.property('message')
        .that.does.not.include('secret');
    });
  }

  it('counts anew when it changes, and stays as it was when it is broken', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'gantry-tokens-'));
    try {
      const path = join(directory, 'tokens.csv');
      await writeFile(path, 'abc,jane,1\n');
      const clock = new FakeClock();
      const lines: string[] = [];
      const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
      const tokens = new StaticTokens(path, clock, log);
      await tokens.open();
      expect(await tokens.find('abc')).to.deep.equal({ name: 'jane', uid: '1', groups: [] });
      expect(await tokens.find('ab')).to.equal(undefined);
      await appendFile(path, 'def,joe,2\n');
      clock.advance(1_001);
      expect((await tokens.find('def'))?.name).to.equal('joe');
      await appendFile(path, 'broken\n');
      clock.advance(1_001);
      expect((await tokens.find('def'))?.name).to.equal('joe');
      clock.advance(1_001);
      await tokens.find('def');
      expect(lines).to.have.length(1);
      expect(lines[0]).to.include('the tokens read before stay valid');
      await writeFile(path, 'xyz,jim,3\n');
      clock.advance(1_001);
      expect(await tokens.find('abc')).to.equal(undefined);
      expect((await tokens.find('xyz'))?.name).to.equal('jim');
      const missing = new StaticTokens(join(directory, 'no'), clock, silentLog);
      expect(await problemOf(missing.open())).to.match(
        /^TokenError: cannot read the token file .*no such file/,
      );
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
