/**
 * Where each setting's value comes from. One precedence: flag, environment, `.env` in the working directory,
 * configuration file (`--config`, else `config.yaml` in the data directory), default. A value that is not understood is
 * an error that names the setting, its source, what was found and what was wanted.
 */

import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { rangeProblem } from '../agent/networks/subnets.ts';
import { timingProblem } from '../controllers/engine/election.ts';
import { fileProblem, writeDurably } from '../machinery/durablefile.ts';
import { messageOf } from '../machinery/errors.ts';
import { isRecord } from '../machinery/json.ts';
import { subdomainProblem } from '../machinery/names.ts';
import { type DotenvEntry, parseDotenv } from './dotenv.ts';
import { nearest } from './nearest.ts';
import { placesProblem } from './places.ts';
import type { SettingRow } from './settingrow.ts';
import { denialOf, flagOf, SETTINGS, type Settings, variableOf } from './settings.ts';

export class SettingsError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SettingsError';
  }
}

export type SettingSource = 'flag' | 'environment' | '.env' | 'file' | 'default';

export interface ShownSetting {
  readonly name: string;
  readonly value: string;
  readonly source: SettingSource;
  /** `--secure-port`, `GANTRY_SECURE_PORT`, `/srv/.env:3`, `/srv/.gantry/config.yaml`, or empty for a default that depends on no other setting. */
  readonly where: string;
}

export interface Config {
  readonly settings: Settings;
  /** Every setting, in the order of the table. */
  readonly shown: readonly ShownSetting[];
}

export interface ConfigInput {
  /** By setting name: what the command line gave. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory, absolute. */
  readonly directory: string;
  /** `--config`: must exist. */
  readonly file?: string;
}

interface Found {
  readonly text: string;
  readonly source: SettingSource;
  readonly where: string;
  /** What a relative path in it is relative to. */
  readonly directory: string;
}

/** Any row will do: only its names are read. */
type Find = (row: Pick<SettingRow<unknown>, 'name' | 'otherVariables'>) => Found | undefined;

const WORKER_NAME_FILE = 'worker-name';

/** Rejects with `SettingsError`. */
export async function resolveConfig(input: ConfigInput): Promise<Config> {
  const near = await nearSources(input);
  const homeRow = SETTINGS.home;
  const home = valueOf(homeRow, near(homeRow)) ?? resolve(input.directory, '.gantry');
  const file = await configFile(input, home);
  const find: Find = (row) => near(row) ?? file(row);
  const preset = valueOf(SETTINGS.leasePreset, find(SETTINGS.leasePreset)) ?? 'default';
  const context = { home, keptWorkerName: await keptWorkerName(home), leasePreset: preset };
  const shown: ShownSetting[] = [];
  const take = <T>(row: SettingRow<T>): T => {
    const found = row.name === 'home' ? near(row) : find(row);
    const value = found === undefined ? row.fallback(context) : parsed(row, found);
    const text = value === undefined ? '' : (row.show?.(value) ?? String(value));
    shown.push({
      name: row.name,
      value: text,
      source: found?.source ?? 'default',
      where: found?.where ?? row.because?.(context) ?? '',
    });
    return value;
  };
  const settings: Settings = {
    home: take(SETTINGS.home),
    bindAddress: take(SETTINGS.bindAddress),
    securePort: take(SETTINGS.securePort),
    tlsSan: take(SETTINGS.tlsSan),
    http1Only: take(SETTINGS.http1Only),
    dev: take(SETTINGS.dev),
    managerHost: take(SETTINGS.managerHost),
    managerPort: take(SETTINGS.managerPort),
    workerHost: take(SETTINGS.workerHost),
    workerPort: take(SETTINGS.workerPort),
    api: take(SETTINGS.api),
    apiHost: take(SETTINGS.apiHost),
    apiPort: take(SETTINGS.apiPort),
    apiCorsOrigins: take(SETTINGS.apiCorsOrigins),
    grpc: take(SETTINGS.grpc),
    grpcHost: take(SETTINGS.grpcHost),
    grpcPort: take(SETTINGS.grpcPort),
    doorNamespace: take(SETTINGS.doorNamespace),
    idempotencyTtlMs: take(SETTINGS.idempotencyTtlMs),
    idempotencyMaxKeys: take(SETTINGS.idempotencyMaxKeys),
    store: take(SETTINGS.store),
    etcdCaFile: take(SETTINGS.etcdCaFile),
    etcdCertFile: take(SETTINGS.etcdCertFile),
    etcdKeyFile: take(SETTINGS.etcdKeyFile),
    etcdUser: take(SETTINGS.etcdUser),
    etcdPasswordFile: take(SETTINGS.etcdPasswordFile),
    encryptionKeyFile: take(SETTINGS.encryptionKeyFile),
    dockerHost: take(SETTINGS.dockerHost),
    workerName: take(SETTINGS.workerName),
    publishAddress: take(SETTINGS.publishAddress),
    taskCidr: take(SETTINGS.taskCidr),
    taskNetworkPrefix: take(SETTINGS.taskNetworkPrefix),
    diskReservedPercent: take(SETTINGS.diskReservedPercent),
    imageGcHighPercent: take(SETTINGS.imageGcHighPercent),
    imageGcLowPercent: take(SETTINGS.imageGcLowPercent),
    imagePullsAtOnce: take(SETTINGS.imagePullsAtOnce),
    imagePullProgressDeadlineMs: take(SETTINGS.imagePullProgressDeadlineMs),
    logRetentionMs: take(SETTINGS.logRetentionMs),
    logRetentionBytes: take(SETTINGS.logRetentionBytes),
    volumesDir: take(SETTINGS.volumesDir),
    runDir: take(SETTINGS.runDir),
    seccompDir: take(SETTINGS.seccompDir),
    stateMetrics: take(SETTINGS.stateMetrics),
    containerMetrics: take(SETTINGS.containerMetrics),
    logLevel: take(SETTINGS.logLevel),
    logFormat: take(SETTINGS.logFormat),
    logFile: take(SETTINGS.logFile),
    pidFile: take(SETTINGS.pidFile),
    taskRetentionMs: take(SETTINGS.taskRetentionMs),
    historyRetentionMs: take(SETTINGS.historyRetentionMs),
    leasePreset: take(SETTINGS.leasePreset),
    leaseRenewSeconds: take(SETTINGS.leaseRenewSeconds),
    leaseDurationSeconds: take(SETTINGS.leaseDurationSeconds),
    leaderElectLeaseMs: take(SETTINGS.leaderElectLeaseMs),
    leaderElectRenewDeadlineMs: take(SETTINGS.leaderElectRenewDeadlineMs),
    leaderElectRetryPeriodMs: take(SETTINGS.leaderElectRetryPeriodMs),
    namespaceMaxObjects: take(SETTINGS.namespaceMaxObjects),
    namespaceMaxBytes: take(SETTINGS.namespaceMaxBytes),
    hostPathAllowed: take(SETTINGS.hostPathAllowed),
    tokenAuthFile: take(SETTINGS.tokenAuthFile),
    auditLogPath: take(SETTINGS.auditLogPath),
    auditLogMaxBytes: take(SETTINGS.auditLogMaxBytes),
    auditLogMaxBackups: take(SETTINGS.auditLogMaxBackups),
    auditPolicyFile: take(SETTINGS.auditPolicyFile),
  };
  if (settings.leaseRenewSeconds >= settings.leaseDurationSeconds) {
    throw new SettingsError(
      `leaseRenewSeconds is ${settings.leaseRenewSeconds} and leaseDurationSeconds ${settings.leaseDurationSeconds}: the renewal must come before the lease ends`,
    );
  }
  if (settings.imageGcHighPercent > 0 && settings.imageGcLowPercent >= settings.imageGcHighPercent) {
    throw new SettingsError(
      `imageGcHighPercent is ${settings.imageGcHighPercent} and imageGcLowPercent ${settings.imageGcLowPercent}: the low mark must be below the high one`,
    );
  }
  const rangeFault = rangeProblem(settings.taskCidr, settings.taskNetworkPrefix);
  if (rangeFault !== undefined) {
    throw new SettingsError(`taskCidr and taskNetworkPrefix do not go together: ${rangeFault}`);
  }
  const problem = timingProblem({
    leaseDurationMs: settings.leaderElectLeaseMs,
    renewDeadlineMs: settings.leaderElectRenewDeadlineMs,
    retryPeriodMs: settings.leaderElectRetryPeriodMs,
  });
  if (problem !== undefined) {
    throw new SettingsError(
      `leaderElectLeaseDuration, leaderElectRenewDeadline and leaderElectRetryPeriod do not go together: ${problem}`,
    );
  }
  const clash = placesProblem(settings);
  if (clash !== undefined) throw new SettingsError(clash);
  requirePair(settings, 'etcdCertFile', 'etcdKeyFile');
  requirePair(settings, 'etcdUser', 'etcdPasswordFile');
  return { settings, shown };
}

/** Throws when one of two settings that mean nothing alone is given without the other. */
function requirePair(settings: Settings, one: keyof Settings, other: keyof Settings): void {
  const [given, missing] = settings[one] === undefined ? [other, one] : [one, other];
  if (settings[given] === undefined || settings[missing] !== undefined) return;
  throw new SettingsError(
    `${given} is ${String(settings[given])}, but ${missing} is not set: both are needed`,
  );
}

/** The data directory alone, for commands that need no more than its kubeconfig. */
export async function resolveHome(input: Pick<ConfigInput, 'env' | 'directory'>): Promise<string> {
  const near = await nearSources({ ...input, flags: {} });
  return valueOf(SETTINGS.home, near(SETTINGS.home)) ?? resolve(input.directory, '.gantry');
}

/** Keeps the worker's name in the data directory, so that a machine renamed later stays the same worker. */
export async function keepWorkerName(settings: Pick<Settings, 'home' | 'workerName'>): Promise<void> {
  if ((await keptWorkerName(settings.home)) === settings.workerName) return;
  const path = join(settings.home, WORKER_NAME_FILE);
  try {
    await writeDurably(path, `${settings.workerName}\n`, { mode: 0o644 });
  } catch (error) {
    throw new SettingsError(`cannot write ${path}: ${fileProblem(error)}`, { cause: error });
  }
}

async function keptWorkerName(home: string): Promise<string | undefined> {
  const path = join(home, WORKER_NAME_FILE);
  const name = (await readIfThere(path))?.trim();
  if (name === undefined) return undefined;
  const problem = subdomainProblem(name);
  if (problem !== undefined)
    throw new SettingsError(`${path} holds no worker name: found "${name}", ${problem}`);
  return name;
}

/** Flags, environment and `.env`: what is known before the data directory is. */
async function nearSources(input: ConfigInput): Promise<Find> {
  const { flags, env, directory } = input;
  const dotenvPath = join(directory, '.env');
  const dotenvText = await readIfThere(dotenvPath);
  let dotenv: ReadonlyMap<string, DotenvEntry> = new Map();
  try {
    if (dotenvText !== undefined) dotenv = parseDotenv(dotenvText);
  } catch (error) {
    throw new SettingsError(`${dotenvPath}, ${messageOf(error)}`, { cause: error });
  }
  return (row) => {
    const flag = flags[row.name];
    if (flag !== undefined) {
      const where = flag === false ? denialOf(row.name) : flagOf(row.name);
      return { text: String(flag), source: 'flag', where, directory };
    }
    const variables = [variableOf(row.name), ...(row.otherVariables ?? [])];
    // An empty variable counts as absent: that is how shells and unit files switch one off.
    const variable = variables.find((name) => (env[name] ?? '') !== '');
    if (variable !== undefined)
      return { text: env[variable] ?? '', source: 'environment', where: variable, directory };
    const name = variables.find((candidate) => (dotenv.get(candidate)?.value ?? '') !== '');
    const entry = name === undefined ? undefined : dotenv.get(name);
    if (entry !== undefined)
      return { text: entry.value, source: '.env', where: `${dotenvPath}:${entry.line}`, directory };
    return undefined;
  };
}

async function configFile(input: ConfigInput, home: string): Promise<Find> {
  const path = input.file === undefined ? join(home, 'config.yaml') : resolve(input.directory, input.file);
  const text = await readIfThere(path);
  if (text === undefined) {
    if (input.file !== undefined)
      throw new SettingsError(`cannot read the configuration file ${path}: no such file or directory`);
    return () => undefined;
  }
  // Only here: most commands have no file, and start faster without a YAML parser.
  const { parseYaml } = await import('./yaml.ts');
  const { documents, problems } = parseYaml(text, path);
  const [problem] = problems;
  if (problem !== undefined) throw new SettingsError(problem);
  if (documents.length > 1)
    throw new SettingsError(`${path} holds ${documents.length} YAML documents: wanted one`);
  const document = documents[0];
  const values = document?.value ?? {};
  if (!isRecord(values))
    throw new SettingsError(`${path} is not a mapping: wanted lines such as "securePort: 7443"`);
  const known = Object.values(SETTINGS).map((row) => row.name);
  for (const name of Object.keys(values)) {
    if (known.includes(name) && name !== 'home') continue;
    const guess = nearest(name, known);
    const hint =
      name === 'home'
        ? 'the file is found through it'
        : guess === undefined
          ? `there are ${known.join(', ')}`
          : `did you mean ${guess}?`;
    throw new SettingsError(`${path}:${document?.locate(name) ?? ''}: no setting "${name}" here: ${hint}`);
  }
  return (row) => {
    const value = values[row.name];
    if (value === undefined || value === null) return undefined;
    const at = `${path}:${document?.locate(row.name) ?? ''}`;
    const isNames = Array.isArray(value) && value.every((item) => typeof item === 'string');
    const shown = typeof value === 'string' ? value : isNames ? value.join(',') : JSON.stringify(value);
    return { text: shown, source: 'file', where: at, directory: home };
  };
}

function valueOf<T>(row: SettingRow<T>, found: Found | undefined): T | undefined {
  return found === undefined ? undefined : parsed(row, found);
}

function parsed<T>(row: SettingRow<T>, found: Found): T {
  try {
    return row.parse(found.text, found.directory);
  } catch (error) {
    throw new SettingsError(
      `setting ${row.name} (from ${found.where}): found "${withoutUser(found.text)}", wanted ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

/** A URL may hold a password where none is wanted; no message shows it. */
function withoutUser(text: string): string {
  return text.replace(/\/\/[^/\s]*@/, '//…@');
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined;
    throw new SettingsError(`cannot read ${path}: ${fileProblem(error)}`, { cause: error });
  }
}
