/**
 * Every setting of `gantry up`, one row each: a flag (`--secure-port`), an environment variable (`GANTRY_SECURE_PORT`) and a
 * key of the configuration file (`securePort`) follow from its name.
 */

import { join } from 'node:path';
import { DEFAULT_TIMING } from '../controllers/engine/election.ts';
import type { LogFormat, LogLevel } from '../machinery/log.ts';
import { formatBytes } from '../machinery/quantity.ts';
import { DOOR_SETTINGS, type DoorSettings } from './doorsettings.ts';
import { LEASE_PRESETS, type LeasePreset, leasePreset } from './leasepresets.ts';
import { MONITORING_SETTINGS, type MonitoringRows } from './monitoringsettings.ts';
import type { DefaultContext, SettingRow } from './settingrow.ts';
import {
  address,
  bytes,
  checked,
  duration,
  hostPaths,
  LOG_FORMATS,
  LOG_LEVELS,
  logFormat,
  logLevel,
  names,
  pathIn,
  port,
  shownDuration,
  store,
  wholeCount,
  wholeSeconds,
  yesOrNo,
} from './settingvalues.ts';
import { WORKER_SETTINGS, type WorkerSettings } from './workersettings.ts';

export interface Settings extends WorkerSettings, DoorSettings, MonitoringRows {
  /** Absolute. */
  readonly home: string;
  readonly bindAddress: string;
  /** 0 asks for a free one. */
  readonly securePort: number;
  /** Names and addresses the server certificate covers besides the machine's own. */
  readonly tlsSan: readonly string[];
  readonly http1Only: boolean;
  readonly dev: boolean;
  /** `memory:`, `sqlite:<absolute path>` or `etcd://host:port,…/prefix`. */
  readonly store: string;
  /** Absent: the system's authorities, and TLS only if a client certificate is given. */
  readonly etcdCaFile: string | undefined;
  readonly etcdCertFile: string | undefined;
  readonly etcdKeyFile: string | undefined;
  readonly etcdUser: string | undefined;
  readonly etcdPasswordFile: string | undefined;
  /** Has the keys that encrypt Secrets in the store. */
  readonly encryptionKeyFile: string;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
  /** Absent: standard error. */
  readonly logFile: string | undefined;
  /** Absent: none is written. */
  readonly pidFile: string | undefined;
  readonly taskRetentionMs: number;
  readonly historyRetentionMs: number;
  readonly leasePreset: LeasePreset;
  readonly leaseRenewSeconds: number;
  readonly leaseDurationSeconds: number;
  readonly leaderElectLeaseMs: number;
  readonly leaderElectRenewDeadlineMs: number;
  readonly leaderElectRetryPeriodMs: number;
  readonly namespaceMaxObjects: number;
  readonly namespaceMaxBytes: number;
  /** Paths of workers that Tasks of level baseline may mount, and what lies below them. */
  readonly hostPathAllowed: readonly string[];
  /** Absent: there are no static tokens. */
  readonly tokenAuthFile: string | undefined;
  /** `-`: the log. */
  readonly auditLogPath: string;
  readonly auditLogMaxBytes: number;
  readonly auditLogMaxBackups: number;
  /** Absent: every write and every refusal, without bodies. */
  readonly auditPolicyFile: string | undefined;
}

export const SETTINGS: { readonly [Key in keyof Settings]: SettingRow<Settings[Key]> } = {
  home: {
    name: 'home',
    placeholder: '<directory>',
    parse: pathIn,
    fallback: ({ home }) => home,
    description: 'where Gantry keeps its data, keys and kubeconfig',
  },
  bindAddress: {
    name: 'bindAddress',
    placeholder: '<address>',
    parse: address,
    fallback: () => '127.0.0.1',
    description: 'the address the Kubernetes API (HTTPS) listens on',
  },
  securePort: {
    name: 'securePort',
    placeholder: '<port>',
    parse: port,
    fallback: () => 7443,
    description: 'the port the Kubernetes API (HTTPS) listens on',
  },
  tlsSan: {
    name: 'tlsSan',
    placeholder: '<names>',
    parse: names,
    fallback: () => [],
    show: (value) => value.join(','),
    description:
      "names and addresses for the server certificate besides the machine's own, separated by commas",
  },
  http1Only: {
    name: 'http1Only',
    parse: yesOrNo,
    fallback: () => false,
    description: 'serve no HTTP/2, for proxies in between that cannot pass it on',
  },
  dev: {
    name: 'dev',
    parse: yesOrNo,
    fallback: () => false,
    description: 'also serve plain HTTP to this machine, for development',
  },
  ...DOOR_SETTINGS,
  store: {
    name: 'store',
    placeholder: '<engine>',
    parse: store,
    fallback: ({ home }) => `sqlite:${join(home, 'store')}`,
    description:
      'where objects are stored: sqlite:<directory>, etcd://host:port,host:port/prefix, or memory: which forgets',
  },
  etcdCaFile: {
    name: 'etcdCaFile',
    placeholder: '<file>',
    parse: pathIn,
    fallback: () => undefined,
    description: "the authority that signed etcd's certificates, PEM; turns TLS on",
  },
  etcdCertFile: {
    name: 'etcdCertFile',
    placeholder: '<file>',
    parse: pathIn,
    fallback: () => undefined,
    description: 'the client certificate that is shown to etcd, PEM; turns TLS on',
  },
  etcdKeyFile: {
    name: 'etcdKeyFile',
    placeholder: '<file>',
    parse: pathIn,
    fallback: () => undefined,
    description: 'the private key of that certificate, PEM',
  },
  etcdUser: {
    name: 'etcdUser',
    placeholder: '<name>',
    parse: checked(() => undefined),
    fallback: () => undefined,
    description: "the user of etcd's own access control",
  },
  etcdPasswordFile: {
    name: 'etcdPasswordFile',
    placeholder: '<file>',
    parse: pathIn,
    fallback: () => undefined,
    description: "the file that holds that user's password",
  },
  encryptionKeyFile: {
    name: 'encryptionKeyFile',
    placeholder: '<file>',
    parse: pathIn,
    fallback: ({ home }) => join(home, 'encryption.key'),
    description:
      'the keys that encrypt Secrets in the store; made for a new store, and the same on every server of a cluster',
  },
  ...WORKER_SETTINGS,
  ...MONITORING_SETTINGS,
  logLevel: {
    name: 'logLevel',
    placeholder: '<level>',
    parse: logLevel,
    values: LOG_LEVELS,
    fallback: () => 'info',
    description: `how much is logged: ${LOG_LEVELS.join(', ')}`,
  },
  logFormat: {
    name: 'logFormat',
    placeholder: '<format>',
    parse: logFormat,
    values: LOG_FORMATS,
    fallback: () => 'json',
    description: 'how log lines are written: json, one object a line, or text, for people',
  },
  logFile: {
    name: 'logFile',
    placeholder: '<file>',
    parse: pathIn,
    fallback: () => undefined,
    description: 'the file that log lines are appended to (default: standard error)',
  },
  pidFile: {
    name: 'pidFile',
    placeholder: '<file>',
    parse: pathIn,
    fallback: () => undefined,
    description: 'the file that holds the process id while Gantry runs',
  },
  taskRetentionMs: {
    name: 'taskRetention',
    placeholder: '<duration>',
    parse: duration,
    fallback: () => 24 * 3_600_000,
    show: shownDuration,
    description: 'how long a Task deleted through /tasks is kept, such as 90m or 24h',
  },
  historyRetentionMs: {
    name: 'historyRetention',
    placeholder: '<duration>',
    parse: duration,
    fallback: () => 24 * 3_600_000,
    show: shownDuration,
    description: 'how long old versions of objects can be read',
  },
  leasePreset: {
    name: 'leasePreset',
    placeholder: '<name>',
    parse: leasePreset,
    values: Object.keys(LEASE_PRESETS),
    fallback: () => 'default',
    description:
      'how often workers renew their leases and when they are taken for lost: default (3 s, 12 s) or dispatch (60 s, 180 s), where the next two do not say; the same on every server',
  },
  leaseRenewSeconds: {
    name: 'leaseRenewSeconds',
    placeholder: '<seconds>',
    parse: wholeSeconds,
    fallback: ({ leasePreset: preset }) => LEASE_PRESETS[preset].renewSeconds,
    because: fromPreset,
    description: 'how often a worker renews its lease',
  },
  leaseDurationSeconds: {
    name: 'leaseDurationSeconds',
    placeholder: '<seconds>',
    parse: wholeSeconds,
    fallback: ({ leasePreset: preset }) => LEASE_PRESETS[preset].durationSeconds,
    because: fromPreset,
    description: 'how long after its last renewal a worker is taken for lost',
  },
  leaderElectLeaseMs: {
    name: 'leaderElectLeaseDuration',
    placeholder: '<duration>',
    parse: duration,
    fallback: () => DEFAULT_TIMING.leaseDurationMs,
    show: shownDuration,
    description: 'of several servers: how long after the last sign of the leading one another takes over',
  },
  leaderElectRenewDeadlineMs: {
    name: 'leaderElectRenewDeadline',
    placeholder: '<duration>',
    parse: duration,
    fallback: () => DEFAULT_TIMING.renewDeadlineMs,
    show: shownDuration,
    description: 'of several servers: how long the leading one tries to renew its lease before it stops',
  },
  leaderElectRetryPeriodMs: {
    name: 'leaderElectRetryPeriod',
    placeholder: '<duration>',
    parse: duration,
    fallback: () => DEFAULT_TIMING.retryPeriodMs,
    show: shownDuration,
    description: 'of several servers: how often the lease is renewed, or asked for',
  },
  namespaceMaxObjects: {
    name: 'namespaceMaxObjects',
    placeholder: '<count>',
    parse: wholeCount,
    fallback: () => 5_000,
    description: 'how many objects a namespace may hold at most (Events and Leases do not count)',
  },
  namespaceMaxBytes: {
    name: 'namespaceMaxBytes',
    placeholder: '<quantity>',
    parse: bytes,
    fallback: () => 64 * 1024 * 1024,
    show: formatBytes,
    description: 'how many bytes all objects of a namespace may have together at most, such as 64Mi',
  },
  hostPathAllowed: {
    name: 'hostPathAllowed',
    placeholder: '<paths>',
    parse: hostPaths,
    fallback: () => [],
    show: (value) => value.join(','),
    description:
      'paths of workers that Tasks in namespaces of security level baseline may mount, with what lies below them, separated by commas',
  },
  tokenAuthFile: {
    name: 'tokenAuthFile',
    placeholder: '<file>',
    parse: pathIn,
    fallback: () => undefined,
    description: 'bearer tokens, one a line: token,user,uid,"group1,group2"; a change counts within a second',
  },
  auditLogPath: {
    name: 'auditLogPath',
    placeholder: '<file>',
    parse: (text, directory) => (text === '-' ? text : pathIn(text, directory)),
    fallback: ({ home }) => join(home, 'audit', 'audit.log'),
    description: 'the file that audit events are written to, as JSON lines; - is the log',
  },
  auditLogMaxBytes: {
    name: 'auditLogMaxBytes',
    placeholder: '<quantity>',
    parse: bytes,
    fallback: () => 64 * 1024 * 1024,
    show: formatBytes,
    description: 'how large the audit log grows before it is put aside, such as 64Mi',
  },
  auditLogMaxBackups: {
    name: 'auditLogMaxBackups',
    placeholder: '<count>',
    parse: wholeCount,
    fallback: () => 4,
    description: 'how many audit logs that were put aside are kept',
  },
  auditPolicyFile: {
    name: 'auditPolicyFile',
    placeholder: '<file>',
    parse: pathIn,
    fallback: () => undefined,
    description:
      "what is audited, in Kubernetes' form (default: every write and every refusal, without bodies)",
  },
};

function fromPreset({ leasePreset: preset }: DefaultContext): string {
  return preset === 'default' ? '' : `leasePreset ${preset}`;
}

/** `securePort` -> `--secure-port`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `api` -> `--no-api`, of a setting whose flag takes no value. */
export function denialOf(name: string): string {
  return flagOf(name).replace('--', '--no-');
}

/** `securePort` -> `GANTRY_SECURE_PORT`. */
export function variableOf(name: string): string {
  return `GANTRY_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
