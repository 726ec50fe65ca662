/** `gantry certificate`, on a data directory of its own. */
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { type Ran, run } from './terminal.ts';

describe('gantry certificate', () => {
  let directory: string;
  const clock = new FakeClock();
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'gantry-certificate-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const create = (...words: string[]): Promise<Ran> =>
    run(['certificate', 'create', ...words], { directory, clock });
  const read = (name: string): Promise<string> => readFile(join(directory, 'out', name), 'utf8');

  it('D4.5 create writes a certificate for clients that the authority of the data directory has signed', async () => {
    const made = await create('--user', 'ann', '--group', 'a', '--group', 'b', '--ttl', '2d', '--out', 'out');
    expect(made.code, made.err).to.equal(0);
    expect(made.out).to.match(/^client\.crt of user ann in \S+out, good until \S+Z\n$/);
    const certificate = new X509Certificate(await read('client.crt'));
    const authority = new X509Certificate(await read('ca.crt'));
    expect(certificate.verify(authority.publicKey)).to.equal(true);
    expect(certificate.subject).to.equal('O=a\nO=b\nCN=ann');
    expect(certificate.keyUsage).to.deep.equal(['1.3.6.1.5.5.7.3.2']);
    expect(certificate.validToDate.getTime()).to.be.closeTo(clock.now() + 2 * 86_400_000, 1_000);
    expect(await readFile(join(directory, '.gantry', 'pki', 'ca.crt'), 'utf8')).to.equal(
      await read('ca.crt'),
    );
    expect(await read('client.key')).to.match(/^-----BEGIN PRIVATE KEY-----/);
    expect((await stat(join(directory, 'out', 'client.key'))).mode & 0o777).to.equal(0o600);
  });

  it('again is a renewal: another certificate, the same key and authority', async () => {
    await create('--user', 'ann', '--out', 'out');
    const [key, ca, before] = await Promise.all([read('client.key'), read('ca.crt'), read('client.crt')]);
    await create('--user', 'ann', '--out', 'out');
    expect([await read('client.key'), await read('ca.crt')]).to.deep.equal([key, ca]);
    expect(await read('client.crt')).not.to.equal(before);
  });

  for (const [words, problem] of [
    [['--out', 'out'], "error: required option '--user <name>' not specified"],
    [['--user', 'ann'], "error: required option '--out <directory>' not specified"],
    [['--user', '', '--out', 'out'], 'gantry: --user wants a name'],
    [['--user', 'a', '--group', 'x\ny', '--out', 'out'], 'gantry: --group: found "x\\ny", wanted at most 64'],
    [
      ['--user', 'a', '--ttl', 'soon', '--out', 'out'],
      'gantry: --ttl: found "soon", wanted a duration from 1m',
    ],
    [['--user', 'a', '--ttl', '366d', '--out', 'out'], 'gantry: --ttl: found "366d"'],
    [['--user', 'system:serviceaccount:n:x', '--out', 'out'], 'which proves itself with tokens'],
  ] as const) {
    it(`create ${JSON.stringify(words)} is refused with a sentence`, async () => {
      const refused = await create(...words);
      expect(refused.code).to.equal(1);
      expect(refused.err).to.include(problem);
      expect(refused.out).to.equal('');
    });
  }
});
