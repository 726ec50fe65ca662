/** The settings that say where the process listens, in the order it begins to. */
import { flagOf, SETTINGS, type Settings } from './settings.ts';

export interface Place {
  readonly host: 'apiHost' | 'bindAddress' | 'grpcHost' | 'managerHost' | 'workerHost';
  readonly port: 'apiPort' | 'grpcPort' | 'managerPort' | 'securePort' | 'workerPort';
}

export const PLACES = {
  kubernetes: { host: 'bindAddress', port: 'securePort' },
  jobs: { host: 'apiHost', port: 'apiPort' },
  grpc: { host: 'grpcHost', port: 'grpcPort' },
  worker: { host: 'workerHost', port: 'workerPort' },
  manager: { host: 'managerHost', port: 'managerPort' },
} as const satisfies Readonly<Record<string, Place>>;

type Listening = Pick<Settings, 'api' | 'dev' | 'grpc' | Place['host'] | Place['port']>;

/** Two listeners that want the same port, in a sentence; undefined when none do. Pure. */
export function placesProblem(settings: Listening): string | undefined {
  const { kubernetes, jobs, grpc, worker, manager } = PLACES;
  const used: readonly Place[] = [
    kubernetes,
    ...(settings.api ? [jobs] : []),
    ...(settings.grpc ? [grpc] : []),
    ...(settings.dev ? [worker, manager] : []),
  ];
  for (const [at, one] of used.entries()) {
    const other = used.slice(at + 1).find(
      ({ host, port }) =>
        // The system gives everybody who asks for a free one another.
        settings[port] !== 0 &&
        settings[port] === settings[one.port] &&
        isMeeting(settings[host], settings[one.host]),
    );
    if (other === undefined) continue;
    const flags = [one, other].map(({ port }) => flagOf(SETTINGS[port].name)).join(' and ');
    return `${one.port} and ${other.port} are both ${settings[one.port]}: each listener needs a port of its own (${flags})`;
  }
  return undefined;
}

function isMeeting(a: string, b: string): boolean {
  const [one, other] = [a, b].map((host) => (host === 'localhost' ? '127.0.0.1' : host));
  return one === other || [one, other].some((host) => host === '0.0.0.0' || host === '::');
}
