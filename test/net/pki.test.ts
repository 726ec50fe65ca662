import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { PkiError } from '../../net/keystore.ts';
import { machineNames } from '../../net/machine.ts';
import { measurePki, openPki, type Pki } from '../../net/pki.ts';

const DAY_MS = 86_400_000;

describe('net/pki', () => {
  let directory: string;
  let clock: FakeClock;

  beforeEach(() => {
    directory = join(mkdtempSync(join(tmpdir(), 'gantry-pki-')), 'pki');
    // OpenSSL and TLS look at the real time; certificates know whole seconds only.
    clock = new FakeClock(Math.floor(Date.now() / 1000) * 1000);
  });
  afterEach(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

  const open = (names: { hostnames?: string[]; addresses?: string[] } = {}): Promise<Pki> =>
    openPki({ directory, clock, hostnames: names.hostnames ?? [], addresses: names.addresses ?? [] });
  const file = (name: string): string => readFileSync(join(directory, name), 'utf8');
  const refusal = async (): Promise<string> => {
    const error = await open().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).to.be.instanceOf(PkiError);
    return error instanceof PkiError ? error.message : '';
  };

  it('makes an authority, a server and an admin certificate that OpenSSL verifies', async () => {
    const pki = await open();
    await pki.issueWorker('alpha');
    const verify = (purpose: string, name: string): string =>
      execFileSync(
        'openssl',
        [
          'verify',
          '-x509_strict',
          '-purpose',
          purpose,
          '-CAfile',
          join(directory, 'ca.crt'),
          join(directory, name),
        ],
        {
          encoding: 'utf8',
          stdio: 'pipe',
        },
      ).trim();
    expect(verify('sslserver', 'server.crt')).to.match(/server\.crt: OK$/);
    expect(verify('sslclient', 'admin.crt')).to.match(/admin\.crt: OK$/);
    expect(verify('sslclient', 'worker-alpha.crt')).to.match(/worker-alpha\.crt: OK$/);
    expect(() => verify('sslserver', 'admin.crt')).to.throw();
    expect(new X509Certificate(pki.admin.certificate).subject).to.equal('O=system:masters\nCN=admin');
    expect(new X509Certificate(file('worker-alpha.crt')).subject).to.equal(
      'O=system:workers\nCN=system:worker:alpha',
    );
    const algorithm = new X509Certificate(pki.server.certificate).publicKey.asymmetricKeyDetails?.namedCurve;
    expect(algorithm).to.equal('prime256v1');
  });

  it('puts every wanted name and address into the server certificate', async () => {
    const pki = await open({ hostnames: ['box.example'], addresses: ['192.0.2.7', '2001:db8::7'] });
    const read = new X509Certificate(pki.server.certificate);
    for (const name of ['localhost', 'box.example']) expect(read.checkHost(name)).to.equal(name);
    for (const address of ['127.0.0.1', '::1', '192.0.2.7', '2001:db8::7'])
      expect(read.checkIP(address)).to.equal(address);
    expect(read.checkHost('other.example')).to.equal(undefined);
  });

  it('keeps private keys to their owner, also when somebody opened them up', async () => {
    await open();
    const modeOf = (name: string): number => statSync(join(directory, name)).mode & 0o777;
    for (const name of ['ca.key', 'server.key', 'admin.key']) expect(modeOf(name), name).to.equal(0o600);
    execFileSync('chmod', ['0644', join(directory, 'admin.key')]);
    await open();
    expect(modeOf('admin.key')).to.equal(0o600);
    expect(readdirSync(directory).filter((name) => name.startsWith('.'))).to.deep.equal([]);
  });

  it('changes nothing when nothing is due', async () => {
    const first = await open({ hostnames: ['box.example'] });
    const second = await open();
    expect(second.authority).to.equal(first.authority);
    expect(second.server).to.deep.equal(first.server);
    expect(second.admin).to.deep.equal(first.admin);
  });

  it('signs the server certificate anew, for the same key, when a wanted name is missing', async () => {
    const first = await open();
    const second = await open({ addresses: ['192.0.2.9'] });
    expect(second.server.certificate).to.not.equal(first.server.certificate);
    expect(second.server.key).to.equal(first.server.key);
    expect(second.authority).to.equal(first.authority);
    expect(second.admin).to.deep.equal(first.admin);
    expect(new X509Certificate(second.server.certificate).checkIP('192.0.2.9')).to.equal('192.0.2.9');
  });

  it('renews leaves with less than 30 days left, and never the authority', async () => {
    const first = await open();
    expect(first.daysLeft()).to.deep.equal([
      { certificate: 'ca', days: 3650 },
      { certificate: 'server', days: 365 },
      { certificate: 'admin', days: 365 },
    ]);
    clock.advance(334 * DAY_MS);
    expect((await open()).server.certificate, '31 days left').to.equal(first.server.certificate);
    clock.advance(2 * DAY_MS);
    const renewed = await open();
    expect(renewed.server.certificate, '29 days left').to.not.equal(first.server.certificate);
    expect(renewed.admin.certificate).to.not.equal(first.admin.certificate);
    expect(renewed.authority).to.equal(first.authority);
  });

  it('never lets a leaf outlive the authority, and says when that has ended', async () => {
    await open();
    clock.advance(3640 * DAY_MS);
    const late = await open();
    const ends = new X509Certificate(late.server.certificate).validToDate.getTime();
    expect(ends).to.equal(new X509Certificate(late.authority).validToDate.getTime());
    expect((await open()).server.certificate).to.equal(late.server.certificate);
    clock.advance(11 * DAY_MS);
    expect(await refusal()).to.match(/ca\.crt ended on .*: move .* away/);
  });

  it('completes what a crash left half made', async () => {
    const first = await open();
    const worker = await first.issueWorker('alpha');
    for (const name of ['ca.crt', 'server.crt', 'admin.crt']) rmSync(join(directory, name));
    const second = await open();
    expect(second.server.key).to.equal(first.server.key);
    // What the earlier certificate of the authority signed still verifies under the new one.
    writeFileSync(join(directory, 'old-worker.crt'), worker.certificate);
    const answer = execFileSync(
      'openssl',
      ['verify', '-CAfile', join(directory, 'ca.crt'), join(directory, 'old-worker.crt')],
      {
        encoding: 'utf8',
      },
    );
    expect(answer).to.match(/OK/);
  });

  it('names the file when something does not fit', async () => {
    await open();
    const [authority, key, server] = [file('ca.crt'), file('ca.key'), file('server.crt')];
    writeFileSync(join(directory, 'ca.crt'), 'nonsense');
    expect(await refusal()).to.match(/ca\.crt is not a certificate \(.*\): put the right one back$/);
    writeFileSync(join(directory, 'ca.crt'), authority);
    writeFileSync(join(directory, 'ca.key'), 'nonsense');
    expect(await refusal()).to.match(/ca\.key is not a private key/);
    writeFileSync(join(directory, 'ca.key'), file('admin.key'));
    expect(await refusal()).to.match(/ca\.crt and .*ca\.key do not belong together/);
    rmSync(join(directory, 'ca.key'));
    expect(await refusal()).to.match(/ca\.key is missing: put the key back/);
    expect(file('ca.crt'), 'never replaced').to.equal(authority);
    writeFileSync(join(directory, 'ca.key'), key);
    rmSync(join(directory, 'server.crt'));
    execFileSync('openssl', [
      'req',
      '-x509',
      '-key',
      join(directory, 'server.key'),
      '-subj',
      '/CN=x',
      '-days',
      '99',
      '-out',
      join(directory, 'server.crt'),
    ]);
    expect(await refusal()).to.match(/server\.crt was not signed by .*ca\.crt: remove it/);
    writeFileSync(join(directory, 'server.crt'), server);
    await open();
  });

  it('refuses a worker name that could leave the directory', async () => {
    const pki = await open();
    const error = await pki.issueWorker('../admin').catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(PkiError);
  });

  it('carries a client through a TLS handshake: the server reads its name and group', async () => {
    const pki = await open();
    const server = createServer(
      {
        ca: pki.authority,
        cert: pki.server.certificate,
        key: pki.server.key,
        requestCert: true,
        rejectUnauthorized: true,
      },
      (incoming, response) => {
        const subject =
          incoming.socket instanceof TLSSocket ? incoming.socket.getPeerCertificate().subject : undefined;
        response.end(JSON.stringify(subject));
      },
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const worker = await pki.issueWorker('alpha');
      const address = server.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      const call = request({
        host: '127.0.0.1',
        ...(port === undefined ? {} : { port }),
        ca: pki.authority,
        cert: worker.certificate,
        key: worker.key,
        agent: false,
      });
      call.end();
      const [response]: AsyncIterable<unknown>[] = await once(call, 'response');
      let text = '';
      for await (const chunk of response ?? []) text += String(chunk);
      expect(JSON.parse(text)).to.deep.equal({ O: 'system:workers', CN: 'system:worker:alpha' });
    } finally {
      server.close();
    }
  });

  it('reports the days left as a metric, all workers under one label', async () => {
    const pki = await open();
    await pki.issueWorker('alpha');
    await pki.issueWorker('beta');
    const metrics = newMetrics();
    measurePki(metrics, () => pki);
    const text = await metrics.metrics();
    expect(text).to.include(`gantry_certificate_remaining_seconds{certificate="ca"} ${3650 * 86_400}`);
    expect(text.match(/certificate="worker"/g)).to.have.length(1);
  });

  it("finds this machine's names", () => {
    for (const address of machineNames().addresses) expect(address).to.not.match(/^(?:127\.|::1$|fe80:)/);
  });
});
