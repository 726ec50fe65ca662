/** The settings of the worker beside an engine: rows of the table in `settings.ts`. */
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { subdomainProblem } from '../machinery/names.ts';
import { formatBytes } from '../machinery/quantity.ts';
import type { SettingRow } from './settingrow.ts';
import {
  addressRange,
  bytes,
  checked,
  dockerHost,
  duration,
  networkPrefix,
  pathIn,
  percent,
  shownDuration,
  wholeCount,
} from './settingvalues.ts';

export interface WorkerSettings {
  readonly dockerHost: string;
  readonly workerName: string;
  readonly publishAddress: string;
  /** The addresses of the networks that Tasks share. */
  readonly taskCidr: string;
  readonly taskNetworkPrefix: number;
  /** 0: the worker's disk is never short. */
  readonly diskReservedPercent: number;
  /** 0: never. */
  readonly imageGcHighPercent: number;
  readonly imageGcLowPercent: number;
  readonly imagePullsAtOnce: number;
  readonly imagePullProgressDeadlineMs: number;
  readonly logRetentionMs: number;
  readonly logRetentionBytes: number;
  readonly volumesDir: string;
  /** As root: where Secrets and emptyDirs of medium Memory are mounted. */
  readonly runDir: string;
  /** Where Tasks' own seccomp profiles are found. */
  readonly seccompDir: string;
}

export const WORKER_SETTINGS: { readonly [Key in keyof WorkerSettings]: SettingRow<WorkerSettings[Key]> } = {
  dockerHost: {
    name: 'dockerHost',
    placeholder: '<url>',
    otherVariables: ['DOCKER_HOST'],
    parse: dockerHost,
    fallback: () => 'unix:///var/run/docker.sock',
    description: 'the Docker engine the worker uses',
  },
  workerName: {
    name: 'workerName',
    placeholder: '<name>',
    parse: checked((text) => subdomainProblem(text)),
    fallback: ({ keptWorkerName }) => keptWorkerName ?? workerNameFrom(hostname()),
    description: 'the name of the worker beside the engine',
  },
  publishAddress: {
    name: 'publishAddress',
    placeholder: '<address>',
    parse: checked((text) => (isIP(text) === 0 ? 'an IP address' : undefined)),
    fallback: () => '127.0.0.1',
    description: 'the address that ports are published on unless a Task says otherwise',
  },
  taskCidr: {
    name: 'taskCidr',
    placeholder: '<range>',
    parse: addressRange,
    fallback: () => '10.200.0.0/14',
    description: 'the range of IPv4 addresses for the networks that the tasks of a namespace share',
  },
  taskNetworkPrefix: {
    name: 'taskNetworkPrefix',
    placeholder: '<length>',
    parse: networkPrefix,
    fallback: () => 22,
    description: 'how much of the range each network gets: 22 leaves room for 1,021 containers',
  },
  diskReservedPercent: {
    name: 'diskReservedPercent',
    placeholder: '<percent>',
    parse: percent,
    fallback: () => 15,
    description:
      "how much of the engine's disk is to stay free: below it the worker takes no new tasks; 0: it always does",
  },
  imageGcHighPercent: {
    name: 'imageGcHighPercent',
    placeholder: '<percent>',
    parse: percent,
    fallback: () => 85,
    description:
      "how full the engine's disk gets before images that nobody uses are removed; 0: none ever are",
  },
  imageGcLowPercent: {
    name: 'imageGcLowPercent',
    placeholder: '<percent>',
    parse: percent,
    fallback: () => 80,
    description: 'how full the disk is to be when images have been removed',
  },
  imagePullsAtOnce: {
    name: 'imagePullsAtOnce',
    placeholder: '<count>',
    parse: wholeCount,
    fallback: () => 3,
    description: 'how many images are pulled at once',
  },
  imagePullProgressDeadlineMs: {
    name: 'imagePullProgressDeadline',
    placeholder: '<duration>',
    parse: duration,
    fallback: () => 5 * 60_000,
    show: shownDuration,
    description: 'how long a pull may stand still before it is given up and tried again',
  },
  logRetentionMs: {
    name: 'logRetention',
    placeholder: '<duration>',
    parse: duration,
    fallback: () => 24 * 3_600_000,
    show: shownDuration,
    description: 'how long logs of replaced and deleted containers can be read',
  },
  logRetentionBytes: {
    name: 'logRetentionBytes',
    placeholder: '<quantity>',
    parse: bytes,
    fallback: () => 1024 ** 3,
    show: formatBytes,
    description: 'how many bytes such logs may take on this machine, such as 1Gi; the oldest go first',
  },
  volumesDir: {
    name: 'volumesDir',
    placeholder: '<directory>',
    parse: pathIn,
    fallback: ({ home }) => join(home, 'volumes'),
    description: 'where emptyDirs and ConfigMaps of Tasks are kept on this machine',
  },
  runDir: {
    name: 'runDir',
    placeholder: '<directory>',
    parse: pathIn,
    fallback: () => '/run/gantry',
    description: 'as root: where Secrets and emptyDirs of medium Memory are mounted, never on a disk',
  },
  seccompDir: {
    name: 'seccompDir',
    placeholder: '<directory>',
    parse: pathIn,
    fallback: ({ home }) => join(home, 'seccomp'),
    description: 'where the seccomp profiles are that Tasks name with seccompProfile.localhostProfile',
  },
};

/** A host's name as a worker's: lower case, other characters as dashes. */
export function workerNameFrom(host: string): string {
  const name = host
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '')
    .slice(0, 63)
    .replaceAll(/[-.]+$/g, '');
  return subdomainProblem(name) === undefined ? name : 'worker';
}
