import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  type Config,
  type ConfigInput,
  keepWorkerName,
  resolveConfig,
  resolveHome,
  SettingsError,
} from '../../cli/config.ts';
import { parseDotenv } from '../../cli/dotenv.ts';
import { flagOf, SETTINGS, variableOf } from '../../cli/settings.ts';
import { workerNameFrom } from '../../cli/workersettings.ts';

describe('cli/config', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-config-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const put = (name: string, text: string): void => {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  };
  const resolve = (input: Partial<ConfigInput> = {}): Promise<Config> =>
    resolveConfig({ flags: {}, env: {}, directory, ...input });
  const refusal = async (input: Partial<ConfigInput> = {}): Promise<string> => {
    const error = await resolve(input).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(SettingsError);
    return error instanceof SettingsError ? error.message.replaceAll(directory, 'DIR') : '';
  };
  const shown = (config: Config, name: string): string => {
    const { value, source, where } = config.shown.find((setting) => setting.name === name) ?? {
      value: '',
      source: '',
      where: '',
    };
    return `${value} ${source} ${where}`.trim().replaceAll(directory, 'DIR');
  };

  it('has a default for everything', async () => {
    const { settings, shown } = await resolve();
    expect(settings).to.include({
      home: join(directory, '.gantry'),
      bindAddress: '127.0.0.1',
      securePort: 7443,
      http1Only: false,
      dev: false,
      managerHost: '127.0.0.1',
      managerPort: 8000,
      store: `sqlite:${directory}/.gantry/store`,
      dockerHost: 'unix:///var/run/docker.sock',
      publishAddress: '127.0.0.1',
      logLevel: 'info',
      logFile: undefined,
      taskRetentionMs: 86_400_000,
      historyRetentionMs: 86_400_000,
      logRetentionMs: 86_400_000,
      logRetentionBytes: 1_073_741_824,
      leaseRenewSeconds: 3,
      leaseDurationSeconds: 12,
      leaderElectLeaseMs: 15_000,
      leaderElectRenewDeadlineMs: 10_000,
      leaderElectRetryPeriodMs: 2_000,
      namespaceMaxObjects: 5_000,
      namespaceMaxBytes: 67_108_864,
    });
    expect(shown.map(({ source }) => source)).to.deep.equal(shown.map(() => 'default'));
    expect(shown.map(({ name }) => name)).to.deep.equal(Object.values(SETTINGS).map((row) => row.name));
  });

  it('prefers flag to environment to .env to file to default', async () => {
    put('.gantry/config.yaml', '# mine\nsecurePort: 5\n');
    expect(shown(await resolve(), 'securePort')).to.equal('5 file DIR/.gantry/config.yaml:2:1');
    put('.env', '\nexport GANTRY_SECURE_PORT=4\n');
    expect(shown(await resolve(), 'securePort')).to.equal('4 .env DIR/.env:2');
    const env = { GANTRY_SECURE_PORT: '3' };
    expect(shown(await resolve({ env }), 'securePort')).to.equal('3 environment GANTRY_SECURE_PORT');
    const flags = { securePort: '2' };
    expect(shown(await resolve({ env, flags }), 'securePort')).to.equal('2 flag --secure-port');
    expect((await resolve({ env, flags })).settings.securePort).to.equal(2);
    expect(
      shown(await resolve({ env: { GANTRY_SECURE_PORT: '' } }), 'securePort'),
      'empty is absent',
    ).to.equal('4 .env DIR/.env:2');
  });

  for (const name of ['api', 'grpc'] as const) {
    it(`D0.8 ${name}, on where nothing is said, is turned off by flag, environment, .env or file, in that order`, async () => {
      expect((await resolve()).settings[name]).to.equal(true);
      put('.gantry/config.yaml', `${name}: false\n`);
      expect(shown(await resolve(), name)).to.equal(`false file DIR/.gantry/config.yaml:1:1`);
      const variable = variableOf(name);
      put('.env', `${variable}=true\n`);
      expect(shown(await resolve(), name)).to.equal('true .env DIR/.env:1');
      const env = { [variable]: 'false' };
      expect(shown(await resolve({ env }), name)).to.equal(`false environment ${variable}`);
      expect(shown(await resolve({ env, flags: { [name]: true } }), name)).to.equal(`true flag --${name}`);
      const isOff = await resolve({ env: { [variable]: 'true' }, flags: { [name]: false } });
      expect(shown(isOff, name)).to.equal(`false flag --no-${name}`);
    });
  }

  it('D0.8 the hosts and ports of manager and worker come from the environment and from .env', async () => {
    put('.env', 'GANTRY_MANAGER_HOST=127.0.0.2\nGANTRY_MANAGER_PORT=8001\nGANTRY_WORKER_HOST=::1\n');
    const env = { GANTRY_WORKER_PORT: '8889' };
    expect((await resolve({ env })).settings).to.include({
      managerHost: '127.0.0.2',
      managerPort: 8001,
      workerHost: '::1',
      workerPort: 8889,
    });
  });

  it('D2.8 leasePreset dispatch renews every 60 s and takes for lost after 180 s, and says where that is from', async () => {
    const dispatch = await resolve({ flags: { leasePreset: 'dispatch' } });
    expect(dispatch.settings).to.include({ leaseRenewSeconds: 60, leaseDurationSeconds: 180 });
    expect(shown(dispatch, 'leasePreset')).to.equal('dispatch flag --lease-preset');
    expect(shown(dispatch, 'leaseRenewSeconds')).to.equal('60 default leasePreset dispatch');
    expect(shown(dispatch, 'leaseDurationSeconds')).to.equal('180 default leasePreset dispatch');
    const usual = await resolve({ env: { GANTRY_LEASE_PRESET: 'default' } });
    expect(usual.settings).to.include({ leaseRenewSeconds: 3, leaseDurationSeconds: 12 });
    expect(shown(usual, 'leaseRenewSeconds')).to.equal('3 default');
  });

  it('D2.8 a figure of the lease that is given wins over the preset, wherever it is given', async () => {
    put('.gantry/config.yaml', 'leaseRenewSeconds: 30\n');
    const { settings } = await resolve({ flags: { leasePreset: 'dispatch' } });
    expect(settings).to.include({ leaseRenewSeconds: 30, leaseDurationSeconds: 180 });
    expect(await refusal({ flags: { leasePreset: 'dispatch', leaseDurationSeconds: '20' } })).to.equal(
      'leaseRenewSeconds is 30 and leaseDurationSeconds 20: the renewal must come before the lease ends',
    );
  });

  it('takes relative paths from the working directory, and those of a file from the data directory', async () => {
    put('data/config.yaml', 'logFile: logs/x\n');
    const { settings } = await resolve({ env: { GANTRY_HOME: 'data' }, flags: { pidFile: 'p' } });
    expect(settings).to.include({
      home: join(directory, 'data'),
      logFile: join(directory, 'data/logs/x'),
      pidFile: join(directory, 'p'),
    });
    expect(await resolveHome({ env: { GANTRY_HOME: 'data' }, directory })).to.equal(settings.home);
  });

  it('falls back to DOCKER_HOST', async () => {
    const env = { DOCKER_HOST: 'tcp://box:2375' };
    expect(shown(await resolve({ env }), 'dockerHost')).to.equal('tcp://box:2375 environment DOCKER_HOST');
    expect(
      (await resolve({ env: { ...env, GANTRY_DOCKER_HOST: 'unix:///x' } })).settings.dockerHost,
    ).to.equal('unix:///x');
  });

  it('keeps the name of the worker', async () => {
    mkdirSync(join(directory, '.gantry'));
    await keepWorkerName((await resolve({ flags: { workerName: 'alpha' } })).settings);
    expect(readFileSync(join(directory, '.gantry/worker-name'), 'utf8')).to.equal('alpha\n');
    expect((await resolve()).settings.workerName).to.equal('alpha');
    put('.gantry/worker-name', 'No Name');
    expect(await refusal()).to.match(/^DIR\/\.gantry\/worker-name holds no worker name: found "No Name"/);
  });

  it('D0.8 takes one port on two addresses, of listeners that are off, and 0 for as many as ask', async () => {
    for (const flags of [
      { securePort: '7000', apiPort: '7000', apiHost: '127.0.0.2' },
      { securePort: '7000', apiPort: '7000', grpcPort: '7000', api: false, grpc: false },
      { securePort: '8000' },
      { dev: true, securePort: '0', apiPort: '0', grpcPort: '0', managerPort: '0', workerPort: '0' },
    ]) {
      await resolve({ flags });
    }
  });

  const mistakes: [string, Partial<ConfigInput>, string][] = [
    [
      'D0.8 two listeners on one port, as with --api-port when it was the Kubernetes API’s',
      { flags: { apiPort: '7443' } },
      'securePort and apiPort are both 7443: each listener needs a port of its own (--secure-port and --api-port)',
    ],
    [
      'D0.8 two listeners that meet because one is on every address',
      { flags: { dev: true, bindAddress: '0.0.0.0', securePort: '8888' } },
      'securePort and workerPort are both 8888: each listener needs a port of its own (--secure-port and --worker-port)',
    ],
    [
      'a preset that there is not',
      { flags: { leasePreset: 'slow' } },
      'setting leasePreset (from --lease-preset): found "slow", wanted default or dispatch',
    ],
    [
      'a port',
      { flags: { securePort: '70000' } },
      'setting securePort (from --secure-port): found "70000", wanted a port from 1 to 65535, or 0 for a free one',
    ],
    [
      'an open development listener',
      { env: { GANTRY_MANAGER_HOST: '0.0.0.0' } },
      'setting managerHost (from GANTRY_MANAGER_HOST): found "0.0.0.0", wanted a loopback address (127.0.0.1, ::1 or localhost): the development listener has no authentication',
    ],
    [
      'a path of workers',
      { flags: { hostPathAllowed: '/srv,/var/../etc' } },
      'setting hostPathAllowed (from --host-path-allowed): found "/srv,/var/../etc", wanted absolute paths without ".." separated by commas; "/var/../etc" is none',
    ],
    [
      'a log level',
      { env: { GANTRY_LOG_LEVEL: 'loud' } },
      'setting logLevel (from GANTRY_LOG_LEVEL): found "loud", wanted one of trace, debug, info, warn, error, fatal, silent',
    ],
    [
      'a duration',
      { flags: { taskRetention: 'soon' } },
      'setting taskRetention (from --task-retention): found "soon", wanted a duration such as 90s, 15m or 24h',
    ],
    [
      'a store',
      { flags: { store: 'etcd' } },
      'setting store (from --store): found "etcd", wanted sqlite:<directory>, etcd://host:port,host:port/prefix or memory:',
    ],
    [
      'an etcd host',
      { flags: { store: 'etcd://a:2379,b' } },
      'setting store (from --store): found "etcd://a:2379,b", wanted etcd://host:port,host:port/prefix; "b" is not host:port',
    ],
    [
      'an etcd prefix',
      { flags: { store: 'etcd://a:2379/Team' } },
      'setting store (from --store): found "etcd://a:2379/Team", wanted etcd://host:port,host:port/prefix; the prefix "Team" has more than lower-case letters, digits, - and single /',
    ],
    [
      'an etcd address with a password, without showing it',
      { flags: { store: 'etcd://u:pass@a:2379' } },
      'setting store (from --store): found "etcd://…@a:2379", wanted etcd://host:port,host:port/prefix without a user: give --etcd-user and --etcd-password-file beside it',
    ],
    [
      'an etcd prefix that is taken',
      { flags: { store: 'etcd://a:2379/gantry-compaction' } },
      'setting store (from --store): found "etcd://a:2379/gantry-compaction", wanted etcd://host:port,host:port/prefix; the prefix "gantry-compaction" is that of all clusters',
    ],
    [
      'a client certificate without its key',
      { flags: { etcdCertFile: '/a.crt' } },
      'etcdCertFile is /a.crt, but etcdKeyFile is not set: both are needed',
    ],
    [
      'an etcd user without a password',
      { env: { GANTRY_ETCD_USER: 'gantry' } },
      'etcdUser is gantry, but etcdPasswordFile is not set: both are needed',
    ],
    [
      'a switch',
      { env: { GANTRY_DEV: 'maybe' } },
      'setting dev (from GANTRY_DEV): found "maybe", wanted true or false',
    ],
    [
      'names',
      { flags: { tlsSan: 'a.b,_x' } },
      'setting tlsSan (from --tls-san): found "a.b,_x", wanted DNS names and IP addresses separated by commas; "_x" is neither',
    ],
    [
      'leases that cross',
      { flags: { leaseRenewSeconds: '12' } },
      'leaseRenewSeconds is 12 and leaseDurationSeconds 12: the renewal must come before the lease ends',
    ],
    [
      'an election in which two could lead',
      { flags: { leaderElectRenewDeadline: '20s' } },
      'leaderElectLeaseDuration, leaderElectRenewDeadline and leaderElectRetryPeriod do not go together: the lease lasts 15000 ms and its leader gives up after 20000 ms; the lease must last longer, or two would lead',
    ],
    [
      'a missing file',
      { file: 'nope.yaml' },
      'cannot read the configuration file DIR/nope.yaml: no such file or directory',
    ],
  ];
  for (const [name, input, message] of mistakes) {
    it(`names a mistake in ${name}`, async () => {
      expect(await refusal(input)).to.equal(message);
    });
  }

  const files: [string, string, string][] = [
    [
      'an unknown setting',
      'securePort: 1\napiHots: x\n',
      'DIR/c.yaml:2:1: no setting "apiHots" here: did you mean apiHost?',
    ],
    [
      'a setting that finds the file',
      'home: x\n',
      'DIR/c.yaml:1:1: no setting "home" here: the file is found through it',
    ],
    ['broken YAML', 'a: 1\n b: 2\n', 'DIR/c.yaml:2:3: bad indentation of a mapping entry'],
    ['a list', '- a\n', 'DIR/c.yaml is not a mapping: wanted lines such as "securePort: 7443"'],
    ['a wrong value', 'dev: [1]\n', 'setting dev (from DIR/c.yaml:1:1): found "[1]", wanted true or false'],
  ];
  for (const [name, text, message] of files) {
    it(`names ${name} in the file`, async () => {
      put('c.yaml', text);
      expect(await refusal({ file: 'c.yaml' })).to.equal(message);
    });
  }

  it('names a broken line of .env', async () => {
    put('.env', 'A=1\nGANTRY API=1\n');
    expect(await refusal()).to.equal('DIR/.env, line 2: found "GANTRY API=1", wanted NAME=value');
  });

  it('reads .env as written', () => {
    const text = [
      '# comment',
      'A=1',
      'export B = two words  # comment',
      "C='a # b'",
      'D="x\\ny \\"q\\" # in" # out',
      'E=',
      'F=a#b',
      'A=2',
      '  ',
      "G='' # empty",
    ].join('\r\n');
    expect(
      Object.fromEntries([...parseDotenv(text)].map(([name, { value }]) => [name, value])),
    ).to.deep.equal({
      A: '2',
      B: 'two words',
      C: 'a # b',
      D: 'x\ny "q" # in',
      E: '',
      F: 'a#b',
      G: '',
    });
    for (const bad of ['1A=x', 'A', "A='x", 'A="x" y'])
      expect(() => parseDotenv(bad), bad).to.throw(/line 1: found/);
  });

  it('makes flags, variables and worker names', () => {
    expect(flagOf('leaseRenewSeconds')).to.equal('--lease-renew-seconds');
    expect(variableOf('leaseRenewSeconds')).to.equal('GANTRY_LEASE_RENEW_SECONDS');
    expect(['Box_1.Example', '--', 'a'.repeat(80), 'x-'].map(workerNameFrom)).to.deep.equal([
      'box-1.example',
      'worker',
      'a'.repeat(63),
      'x',
    ]);
  });
});
