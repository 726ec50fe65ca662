/** `gantry install`: the unit it writes, and what becomes of it. The service manager itself is asked where there is one. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { unitText } from '../../cli/unit.ts';
import { type Ran, run } from './terminal.ts';

describe('gantry install', () => {
  let directory: string;
  const install = (words: readonly string[], env: Record<string, string> = {}): Promise<Ran> =>
    run(['install', ...words], { directory, env });
  const execLine = (text: string): string => /^ExecStart=(.*)$/m.exec(text)?.[1] ?? '';

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-install-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('prints a unit that runs this very program with what was given, from wherever it was given', async () => {
    writeFileSync(join(directory, '.env'), 'GANTRY_SECURE_PORT=7555\n');
    const { code, out, err } = await install(['--dry-run', '--dev', '--home', 'data'], {
      GANTRY_LOG_LEVEL: 'debug',
    });
    expect(err).to.equal('');
    expect(code).to.equal(0);
    expect(execLine(out).startsWith(`${process.execPath} `)).to.equal(true);
    expect(execLine(out)).to.match(/ up --home \S+ --secure-port 7555 --dev --log-level debug$/);
    expect(execLine(out)).to.contain(` --home ${join(directory, 'data')} `);
    expect(out).to.contain('Restart=always\n').and.contain('WantedBy=multi-user.target\n');
    expect(existsSync(join(directory, 'data'))).to.equal(false);
  });

  it('keeps its data in /var/lib/gantry unless told otherwise, and leaves to a file what the file says', async () => {
    writeFileSync(join(directory, 'my.yaml'), 'securePort: 7001\n');
    const { out } = await install(['--dry-run', '--config', 'my.yaml', '--role', 'server']);
    expect(execLine(out)).to.match(/ server --config \S+\/my\.yaml --home \/var\/lib\/gantry$/);
    expect(out).to.not.contain('docker.service');
  });

  it('waits for docker.service only where the engine is this machine’s own', async () => {
    expect((await install(['--dry-run'])).out).to.contain('After=network-online.target docker.service\n');
    const far = await install(['--dry-run', '--docker-host', 'tcp://10.0.0.9:2375']);
    expect(far.out).to.contain('After=network-online.target\n');
  });

  it('refuses what the program itself would refuse, and names that are no unit’s', async () => {
    const wrong = await install(['--dry-run', '--secure-port', 'seven']);
    expect(wrong.code).to.equal(1);
    expect(wrong.err).to.contain('--secure-port').and.contain('"seven"');
    for (const words of [[], ['--dry-run']]) {
      const named = await install(['--name', '../x', '--unit-directory', directory, ...words]);
      expect(named).to.include({ code: 1, out: '' });
      expect(named.err).to.contain('found the name "../x"');
    }
  });

  it('D0.8 keeps what is off, wherever that was said', async () => {
    writeFileSync(join(directory, '.env'), 'GANTRY_GRPC=no\n');
    const { out } = await install(['--dry-run', '--no-api', '--lease-preset', 'dispatch']);
    expect(execLine(out)).to.match(/ --no-api --no-grpc --lease-preset dispatch$/);
  });

  it('keeps what only variables say, and what is off although a file has it on', async () => {
    writeFileSync(join(directory, 'my.yaml'), 'dev: true\n');
    const { out } = await install(['--dry-run', '--config', 'my.yaml'], {
      DOCKER_HOST: 'tcp://10.0.0.9:2376',
      DOCKER_TLS_VERIFY: '1',
      DOCKER_CERT_PATH: 'certs',
      GANTRY_DEV: 'false',
    });
    expect(execLine(out)).to.contain(' --docker-host tcp://10.0.0.9:2376').and.contain(' --no-dev ');
    expect(out)
      .to.contain(`Environment=DOCKER_CERT_PATH=${join(directory, 'certs')}\n`)
      .and.contain('Environment=DOCKER_TLS_VERIFY=1\n');
  });

  it('writes every word so that systemd reads it as it was meant', () => {
    const words = ['/opt/my gantry/node', 'up', '--home', '/srv/a"b\\c', '--x', '$HOME %n 100%'];
    const line = execLine(unitText({ role: 'up', command: words, environment: {}, after: [] }));
    expect(line).to.equal('"/opt/my gantry/node" up --home "/srv/a\\"b\\\\c" --x "$$HOME %%n 100%%"');
  });

  it('is understood by systemd', async function () {
    const path = join(directory, 'gantry-test.service');
    writeFileSync(path, (await install(['--dry-run', '--home', '/srv/a b$%x'])).out);
    try {
      execFileSync('systemd-analyze', ['--version'], { stdio: 'ignore' });
    } catch {
      console.log('      skipped: there is no systemd-analyze on this machine');
      this.skip();
    }
    expect(() => execFileSync('systemd-analyze', ['verify', path], { stdio: 'pipe' })).to.not.throw();
  });

  it('writes, keeps, replaces and removes the unit', async function () {
    if (process.getuid?.() !== 0 || existsSync('/run/systemd/system')) {
      // With a service manager this would start services on the machine that runs the tests.
      console.log('      skipped: needs root on a machine without a running systemd');
      this.skip();
    }
    const place = ['--unit-directory', directory, '--name', 'gantry-test'];
    const path = join(directory, 'gantry-test.service');
    expect((await install(place)).out)
      .to.contain(`wrote ${path}\n`)
      .and.contain('systemctl enable --now');
    const first = readFileSync(path, 'utf8');
    expect((await install(place)).out).to.contain(`kept ${path}\n`);
    expect((await install([...place, '--dev'])).out).to.contain(`replaced ${path}\n`);
    expect(readFileSync(path, 'utf8')).to.not.equal(first);
    expect((await run(['uninstall', ...place], { directory })).out).to.contain(`removed ${path}`);
    expect(existsSync(path)).to.equal(false);
    const again = await run(['uninstall', ...place], { directory });
    expect(again).to.include({ code: 1 });
    expect(again.err).to.contain('nothing to uninstall');
  });
});
