/**
 * The way to one Docker Engine: dockerode on the endpoint it is told and on no other, with its transport made safe.
 *
 * Two habits of dockerode are put right here, in one place:
 * - It lets `DOCKER_HOST` of the process override a socket it was given: every setting is passed, also the absent ones.
 * - An answer that is cut off after its head never settles, an image's inspection drops its abort signal, and a log
 *   that is not followed is buffered whole and read as JSON. So every call is made as a stream, whose end and errors
 *   Node reports, and read here.
 *
 * No agent is passed: docker-modem inspects request options deeply on every call, which a plain http.Agent makes
 * hundreds of times slower. No API version is pinned: engines refuse versions they consider too old, and the calls used
 * here have been the same since 1.24.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import Docker from 'dockerode';
import { RuntimeError } from '../../machinery/errors.ts';

export type DockerEndpoint =
  | { readonly kind: 'unix'; readonly path: string }
  | {
      readonly kind: 'tcp';
      readonly host: string;
      readonly port: number;
      /** Folder with `ca.pem`, `cert.pem` and `key.pem`; absent is plain HTTP. */
      readonly certificatePath?: string;
    };

/** Far more than a list of a thousand containers takes. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

type Dial = Docker['modem']['dial'];

export function connectDocker(endpoint: DockerEndpoint): Docker {
  const docker = new Docker({
    ...absent('host', 'port', 'socketPath', 'ca', 'cert', 'key', 'timeout', 'username', 'sshOptions'),
    protocol: 'http',
    ...(endpoint.kind === 'unix' ? { socketPath: endpoint.path } : hostOptions(endpoint)),
  });
  const dial: Dial = docker.modem.dial.bind(docker.modem);
  docker.modem.dial = (options, callback) => {
    if (callback === undefined || options.hijack === true || options.openStdin === true) {
      return dial(options, callback);
    }
    const isStream = options.isStream === true || options.path.endsWith('/logs?');
    const abortSignal: unknown = options.abortSignal ?? options.options?.['abortSignal'];
    const streamed = {
      ...options,
      isStream: true,
      ...(abortSignal instanceof AbortSignal ? { abortSignal } : {}),
    };
    dial(streamed, (error, result) => {
      if (error !== null || isStream || !(result instanceof Readable)) return callback(error, result);
      void passAnswer(result, callback);
    });
  };
  return docker;
}

export function describeEndpoint(endpoint: DockerEndpoint): string {
  return endpoint.kind === 'unix' ? `unix://${endpoint.path}` : `tcp://${endpoint.host}:${endpoint.port}`;
}

/** dockerode's callbacks throw on an answer without the fields they expect: that is a failed call, not a crash. */
async function passAnswer(stream: Readable, callback: NonNullable<Parameters<Dial>[1]>): Promise<void> {
  try {
    callback(null, await readAnswer(stream));
  } catch (error) {
    callback(error instanceof Error ? error : new Error(String(error)), null);
  }
}

/** The JSON of an answer; null for one without a body. */
async function readAnswer(stream: Readable): Promise<object | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    const data: Buffer = Buffer.from(chunk);
    bytes += data.length;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new RuntimeError('Failed', `the engine's answer is longer than ${MAX_ANSWER_BYTES} bytes`);
    }
    chunks.push(data);
  }
  const text = Buffer.concat(chunks).toString('utf8').trim();
  if (text === '') return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object') return value;
  } catch (error) {
    throw new RuntimeError('Failed', `the engine's answer is not JSON: ${text.slice(0, 200)}`, {
      cause: error,
    });
  }
  throw new RuntimeError('Failed', `the engine's answer is not a JSON object or list: ${text.slice(0, 200)}`);
}

function hostOptions(endpoint: Extract<DockerEndpoint, { kind: 'tcp' }>): Docker.DockerOptions {
  const { host, port, certificatePath } = endpoint;
  if (certificatePath === undefined) return { host, port };
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(certificatePath, name));
    } catch (error) {
      throw new RuntimeError(
        'Failed',
        `cannot read ${join(certificatePath, name)}, needed for TLS to the Docker Engine at ${host}:${port}`,
        { cause: error },
      );
    }
  };
  return { host, port, protocol: 'https', ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
}

function absent(...names: readonly (keyof Docker.DockerOptions)[]): Docker.DockerOptions {
  return Object.fromEntries(names.map((name) => [name, undefined]));
}
