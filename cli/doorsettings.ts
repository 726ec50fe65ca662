/** The settings of the doors beside the Kubernetes API, and of their listeners: rows of the table in `settings.ts`. */
import { dnsLabelProblem } from '../machinery/names.ts';
import type { SettingRow } from './settingrow.ts';
import {
  address,
  checked,
  duration,
  loopback,
  origins,
  port,
  shownDuration,
  wholeCount,
  yesOrNo,
} from './settingvalues.ts';

export interface DoorSettings {
  /** Loopback: the listener has no authentication. */
  readonly managerHost: string;
  /** 0 asks for a free one, as of every port. */
  readonly managerPort: number;
  /** Loopback, as the manager's. */
  readonly workerHost: string;
  readonly workerPort: number;
  /** Whether the jobs API listens. */
  readonly api: boolean;
  readonly apiHost: string;
  readonly apiPort: number;
  /** Web pages from elsewhere that browsers let read what the jobs API answers; `*` is any. */
  readonly apiCorsOrigins: readonly string[];
  /** Whether the job runner listens for gRPC. */
  readonly grpc: boolean;
  readonly grpcHost: string;
  readonly grpcPort: number;
  /** Where the dispatch, jobs and gRPC doors have their objects. */
  readonly doorNamespace: string;
  readonly idempotencyTtlMs: number;
  readonly idempotencyMaxKeys: number;
}

export const DOOR_SETTINGS: { readonly [Key in keyof DoorSettings]: SettingRow<DoorSettings[Key]> } = {
  managerHost: {
    name: 'managerHost',
    placeholder: '<address>',
    parse: loopback,
    fallback: () => '127.0.0.1',
    description: "with --dev: the loopback address of the manager's plain listener",
  },
  managerPort: {
    name: 'managerPort',
    placeholder: '<port>',
    parse: port,
    fallback: () => 8000,
    description: "with --dev: the port of the manager's plain listener",
  },
  workerHost: {
    name: 'workerHost',
    placeholder: '<address>',
    parse: loopback,
    fallback: () => '127.0.0.1',
    description: "with --dev: the loopback address of the worker's plain listener",
  },
  workerPort: {
    name: 'workerPort',
    placeholder: '<port>',
    parse: port,
    fallback: () => 8888,
    description: "with --dev: the port of the worker's plain listener",
  },
  api: {
    name: 'api',
    parse: yesOrNo,
    fallback: () => true,
    description: 'serve the jobs API on its own listener',
  },
  apiHost: {
    name: 'apiHost',
    placeholder: '<address>',
    parse: address,
    fallback: () => '127.0.0.1',
    description: 'the address the jobs API listens on',
  },
  apiPort: {
    name: 'apiPort',
    placeholder: '<port>',
    parse: port,
    fallback: () => 8565,
    description: 'the port the jobs API listens on: HTTPS, or plain HTTP with --dev on a loopback address',
  },
  apiCorsOrigins: {
    name: 'apiCorsOrigins',
    placeholder: '<origins>',
    parse: origins,
    fallback: () => [],
    show: (value) => value.join(','),
    description:
      'origins of web pages that may use the jobs API, separated by commas, such as https://jobs.example; * is any',
  },
  grpc: {
    name: 'grpc',
    parse: yesOrNo,
    fallback: () => true,
    description: 'serve the job runner over gRPC',
  },
  grpcHost: {
    name: 'grpcHost',
    placeholder: '<address>',
    parse: address,
    fallback: () => '127.0.0.1',
    description: 'the address the gRPC job runner listens on',
  },
  grpcPort: {
    name: 'grpcPort',
    placeholder: '<port>',
    parse: port,
    fallback: () => 7444,
    description: 'the port the gRPC job runner listens on: TLS 1.3 with client certificates only',
  },
  doorNamespace: {
    name: 'doorNamespace',
    placeholder: '<name>',
    parse: checked((text) => dnsLabelProblem(text)),
    fallback: () => 'default',
    description: 'the namespace in which the dispatch, jobs and gRPC doors have their objects',
  },
  idempotencyTtlMs: {
    name: 'idempotencyTtl',
    placeholder: '<duration>',
    parse: duration,
    fallback: () => 5 * 60_000,
    show: shownDuration,
    description: 'how long an idempotency key of a Run is remembered',
  },
  idempotencyMaxKeys: {
    name: 'idempotencyMaxKeys',
    placeholder: '<count>',
    parse: wholeCount,
    fallback: () => 10_000,
    description: 'how many idempotency keys a namespace may have at most',
  },
};
