/**
 * `gantry install` and `gantry uninstall`: Gantry as a service of systemd, so that a reboot needs nobody.
 *
 * The settings that were given (flags, environment, `.env`) are checked and written into the unit, so that the service is
 * what was asked for here. Installing again replaces the unit; it never touches data, and neither does uninstalling.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileProblem, writeDurably } from '../../machinery/durablefile.ts';
import { resolveConfig, type ShownSetting } from '../config.ts';
import { CommandError, type Io } from '../io.ts';
import { denialOf, flagOf, SETTINGS, type Settings } from '../settings.ts';
import { unitText } from '../unit.ts';

export interface InstallFlags {
  readonly settings: Readonly<Record<string, string | boolean>>;
  readonly file?: string;
  readonly role: 'up' | 'server';
  readonly name: string;
  readonly unitDirectory: string;
  /** Starts it as well. */
  readonly now: boolean;
  /** Prints the unit and changes nothing. */
  readonly dryRun: boolean;
}

export interface UninstallFlags {
  readonly name: string;
  readonly unitDirectory: string;
}

const SERVICE_HOME = '/var/lib/gantry';
const DEFAULT_DOCKER = 'unix:///var/run/docker.sock';
const SYSTEMCTL_LIMIT_MS = 90_000;

export async function runInstall(flags: InstallFlags, io: Io): Promise<void> {
  const path = unitPath(flags);
  const { settings, shown } = await serviceConfig(flags, io);
  const text = unitText({
    role: flags.role,
    command: [...program(), flags.role, ...settingWords(shown, flags.file, io.directory)],
    environment: {
      NODE_COMPILE_CACHE: join(settings.home, 'cache'),
      ...engineVariables(io),
    },
    after: flags.role === 'up' && isDefaultDocker(settings) ? ['docker.service'] : [],
  });
  if (flags.dryRun) return io.stdout.write(text);
  assertRoot('install');
  const before = await readFile(path, 'utf8').catch(() => undefined);
  try {
    await writeDurably(path, text, { mode: 0o644 });
  } catch (error) {
    throw new CommandError(`cannot write ${path}: ${fileProblem(error)}`, { cause: error });
  }
  const word = before === undefined ? 'wrote' : before === text ? 'kept' : 'replaced';
  await io.stdout.write(`${word} ${path}\n`);
  if (!isSystemd()) {
    await io.stdout.write(
      `systemd does not run on this machine now: when it does, run "systemctl daemon-reload && systemctl enable --now ${flags.name}"\n`,
    );
    return;
  }
  await systemctl(['daemon-reload'], io);
  await systemctl(['enable', `${flags.name}.service`], io);
  await io.stdout.write(`${flags.name}.service is enabled: it starts with the machine\n`);
  if (!flags.now) {
    await io.stdout.write(`start it now with "systemctl start ${flags.name}"\n`);
    return;
  }
  await systemctl(['restart', `${flags.name}.service`], io);
  await io.stdout.write(
    `${flags.name}.service runs; its log is in "journalctl -u ${flags.name}", the administrator's kubeconfig in ${join(settings.home, 'kubeconfig')}\n`,
  );
}

export async function runUninstall(flags: UninstallFlags, io: Io): Promise<void> {
  const path = unitPath(flags);
  if (!existsSync(path)) throw new CommandError(`there is no ${path}: nothing to uninstall`);
  assertRoot('uninstall');
  if (isSystemd()) await systemctl(['disable', '--now', `${flags.name}.service`], io);
  await rm(path);
  if (isSystemd()) await systemctl(['daemon-reload'], io);
  await io.stdout.write(`removed ${path}; data, and containers that run, are as they were\n`);
}

/** The settings of the service: what is given here wins, and the data directory has a place of its own. */
async function serviceConfig(
  { settings, file }: InstallFlags,
  { env, directory }: Io,
): Promise<{ readonly settings: Settings; readonly shown: readonly ShownSetting[] }> {
  const from = (flags: InstallFlags['settings']): ReturnType<typeof resolveConfig> =>
    resolveConfig({ flags, env, directory, ...(file === undefined ? {} : { file }) });
  const found = await from(settings);
  const home = found.shown.find(({ name }) => name === 'home');
  return home?.source === 'default' ? from({ ...settings, home: SERVICE_HOME }) : found;
}

/** Flags for everything that was said here; what a configuration file says stays there. */
function settingWords(
  shown: readonly ShownSetting[],
  file: string | undefined,
  directory: string,
): readonly string[] {
  const words = file === undefined ? [] : ['--config', resolve(directory, file)];
  for (const { name, value, source } of shown) {
    if (source === 'default' || source === 'file') continue;
    const row = Object.values(SETTINGS).find((candidate) => candidate.name === name);
    if (row?.placeholder !== undefined) words.push(flagOf(name), value);
    else words.push(value === 'true' ? flagOf(name) : denialOf(name));
  }
  return words;
}

/** How an engine behind TLS is reached is no setting: the variables are the docker command's. */
function engineVariables({ env, directory }: Io): Readonly<Record<string, string>> {
  const { DOCKER_CERT_PATH: path = '', DOCKER_TLS_VERIFY: verify = '' } = env;
  return {
    ...(path === '' ? {} : { DOCKER_CERT_PATH: resolve(directory, path) }),
    ...(verify === '' ? {} : { DOCKER_TLS_VERIFY: verify }),
  };
}

/** This very program, as it is run now. */
function program(): readonly string[] {
  const script = process.argv[1];
  if (script === undefined)
    throw new CommandError('cannot tell where the gantry program is: run it from its file');
  return [process.execPath, ...process.execArgv, resolve(script)];
}

function isDefaultDocker({ dockerHost }: Settings): boolean {
  return dockerHost === '' || dockerHost === DEFAULT_DOCKER || dockerHost === 'unix:///run/docker.sock';
}

function unitPath({ name, unitDirectory }: UninstallFlags): string {
  if (!/^[A-Za-z0-9][\w.-]{0,60}$/.test(name) || name.endsWith('.service')) {
    throw new CommandError(
      `found the name "${name}", wanted a unit's name without .service: letters, digits, dots, dashes`,
    );
  }
  return join(resolve(unitDirectory), `${name}.service`);
}

/** Where the service manager is asked: sd_booted(3). */
function isSystemd(): boolean {
  return existsSync('/run/systemd/system');
}

function assertRoot(what: string): void {
  if (process.getuid?.() === 0) return;
  throw new CommandError(`gantry ${what} changes the machine's services: run it as root`);
}

function systemctl(words: readonly string[], io: Io): Promise<void> {
  return new Promise((resolved, reject) => {
    execFile(
      'systemctl',
      [...words],
      { timeout: SYSTEMCTL_LIMIT_MS, signal: io.signal },
      (error, _stdout, stderr) => {
        if (error === null) return resolved();
        const said = stderr.trim() === '' ? error.message : stderr.trim();
        reject(new CommandError(`systemctl ${words.join(' ')}: ${said}`, { cause: error }));
      },
    );
  });
}
