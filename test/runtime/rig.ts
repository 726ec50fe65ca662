/** What a runtime brings to the conformance suite, and the hands the suite works with. */
import type {
  ContainerDetail,
  ContainerSpec,
  ContainerState,
  LogChunk,
  LogOptions,
  Runtime,
} from '../../machinery/runtime.ts';
import { collect, eventually, joined } from './expectations.ts';

/** What a container of the tests does. How it is told to is up to the runtime. */
export type Behaviour =
  /** Runs until it is told to stop, and obeys at once. */
  | 'waits'
  /** Runs until it is killed. */
  | 'ignores the stop signal'
  /** Ends at once with code 3. */
  | 'ends with 3'
  /** Writes `SPOKEN`, the pieces at least 50 ms apart, and ends with 0. */
  | 'speaks'
  /** Writes `NOT_TEXT` and ends with 0. */
  | 'writes bytes that are not text'
  /** Cannot be started: there is no such command. */
  | 'has no such command'
  /** Writes `tick` and a newline every 50 ms, and obeys the stop signal with 143. */
  | 'ticks'
  /** Keeps a core busy. */
  | 'burns'
  /** Sends back what comes to TCP port `ECHO_PORT`. */
  | 'echoes'
  | 'holds 30 MB'
  /** Takes memory until it is killed for it. */
  | 'grows without end'
  | 'has a child that grows without end, and ends with 5'
  /** Into its own layer, and waits. */
  | 'writes a file of 3 MB'
  /** `LEFT` at `/left`, a directory at `/place`, links to both beside them, 10 GB of nothing at `/much`, and ends. */
  | 'leaves files'
  /** `line N xxx…`, a hundred bytes or so each, and ends. */
  | 'writes 5000 numbered lines';

/** What a process started in a container does. */
export type CommandKind =
  | 'copies its input'
  | 'ends with 7'
  /** A line `out` and a line `err`, to each stream its own. */
  | 'speaks on both streams'
  /** `FILL_BYTES` times the letter x, and 3, without ever reading its input. */
  | 'fills and ends with 3'
  /** At each line of input prints its size as `ROWS COLUMNS`. */
  | 'tells the size of its terminal'
  | 'sleeps for an hour'
  /** And waits for it; it is one of `sleeping` with the other or without. */
  | 'starts one that sleeps for an hour'
  | 'does not exist';

export const LEFT = 'what was left\n';
export const ECHO_PORT = 7777;
export const FILL_BYTES = 450_000;

export const SPOKEN: readonly LogChunk[] = [
  { stream: 'stdout', data: Buffer.from('first\n') },
  { stream: 'stderr', data: Buffer.from('second\n') },
  { stream: 'stdout', data: Buffer.from('\0\r\x1b[1mé\n') },
  { stream: 'stderr', data: Buffer.from('no newline') },
];

export const NOT_TEXT: LogChunk = { stream: 'stdout', data: Buffer.from([0xff, 0x80, 0x00, 0xc3, 0x0a]) };

export interface RuntimeFixture {
  readonly runtime: Runtime;
  /** Settings of a container that does this. */
  program(behaviour: Behaviour): Pick<ContainerSpec, 'image' | 'command'>;
  command(kind: CommandKind): readonly string[];
  /** How many processes of `sleeps for an hour` run in a container. */
  sleeping(id: string): Promise<number>;
  /** How many processes run in a container. */
  processes(id: string): Promise<number>;
  /** A process just started may not have said yet how it takes signals: resolves when it has. */
  untilReady(id: string, behaviour: Behaviour): Promise<void>;
  /** Behind the runtime's back. */
  readonly byHand: {
    kill(id: string): Promise<void>;
    pause(id: string): Promise<void>;
  };
  /** An image that a pull finds, and one that the registry does not have. */
  readonly pullable: string;
  readonly unknownToRegistry: string;
  close(): Promise<void>;
}

export const TEST_LABEL = 'gantry-test';
export const RUN_LABEL = 'gantry-test-run';
let counter = 0;

/** A name that no other test, process or person uses. */
export function uniqueName(): string {
  return `gantry-rttest-${process.pid}-${++counter}`;
}

/** One promise of the suite: a title, which an opt-out names, and what proves it. */
export type Promised = (title: string, prove: (rig: Rig) => Promise<void>) => void;

/** One runtime under test. Everything made through it carries `labels`, which are others in every test. */
export class Rig {
  readonly fixture: RuntimeFixture;
  readonly runtime: Runtime;
  readonly signal = new AbortController().signal;
  labels: Readonly<Record<string, string>> = {};

  constructor(fixture: RuntimeFixture) {
    this.fixture = fixture;
    this.runtime = fixture.runtime;
  }

  spec(behaviour: Behaviour, overrides: Partial<ContainerSpec> = {}): ContainerSpec {
    return {
      name: uniqueName(),
      labels: this.labels,
      env: [],
      ports: [],
      resources: {},
      networkMode: 'none',
      privileged: false,
      readOnlyRootFilesystem: false,
      capabilities: { add: [], drop: [] },
      ...this.fixture.program(behaviour),
      ...overrides,
    };
  }

  async create(behaviour: Behaviour, overrides?: Partial<ContainerSpec>): Promise<string> {
    return (await this.runtime.create(this.spec(behaviour, overrides), this.signal)).id;
  }

  async run(behaviour: Behaviour, overrides?: Partial<ContainerSpec>): Promise<string> {
    const id = await this.create(behaviour, overrides);
    await this.runtime.start(id, this.signal);
    await this.fixture.untilReady(id, behaviour);
    return id;
  }

  async look(id: string): Promise<ContainerDetail> {
    const detail = await this.runtime.inspect(id, this.signal);
    if (detail === undefined) throw new Error(`container ${id} is gone`);
    return detail;
  }

  /** What a shell in the container writes to its standard output; only where there are shells. */
  async sh(id: string, script: string): Promise<string> {
    const options = { stdin: false, stdout: true, stderr: false, tty: false };
    const session = await this.runtime.exec(id, ['/bin/sh', '-c', script], options, this.signal);
    const chunks = await collect(session.output);
    await session.ended;
    return Buffer.concat(chunks.map(({ data }) => data)).toString();
  }

  reach(id: string, state: ContainerState): Promise<ContainerDetail> {
    const look = async (): Promise<ContainerDetail | undefined> => {
      const detail = await this.look(id);
      return detail.state === state ? detail : undefined;
    };
    return eventually(look, `container ${id} in state ${state}`);
  }

  async readLog(id: string, options: LogOptions = {}): Promise<LogChunk[]> {
    return joined(await collect(this.runtime.logs(id, options, this.signal)));
  }
}
