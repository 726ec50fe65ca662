/**
 * A worker whose containers are processes of this machine: what exec, attach and port-forward reach in tests of the
 * wire. It keeps the promise of `ProcessSession`; what a container engine adds is tested with one.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { PassThrough, type Readable } from 'node:stream';
import { ApiError } from '../../../../machinery/errors.ts';
import type {
  LogChunk,
  ProcessOptions,
  ProcessSession,
  TerminalSize,
} from '../../../../machinery/runtime.ts';
import type { WorkerLink } from '../../../../machinery/workerlink.ts';

export class LocalContainer implements WorkerLink {
  readonly commands: (readonly string[])[] = [];
  readonly options: ProcessOptions[] = [];
  readonly sizes: TerminalSize[] = [];
  readonly sessions: LocalSession[] = [];
  /** What attach joins; `sh -c` text. */
  main = 'cat';
  /** Where the commands run. */
  directory = '/';
  /** Set to have the next session fail instead. */
  failure: ApiError | undefined;

  logs(): Promise<AsyncIterable<Uint8Array>> {
    return Promise.reject(new ApiError('ServiceUnavailable', 'there are no logs here'));
  }

  logEntries(): Promise<never> {
    return Promise.reject(new ApiError('ServiceUnavailable', 'there are no logs here'));
  }

  attempts(): Promise<never> {
    return Promise.reject(new ApiError('ServiceUnavailable', 'there are no logs here'));
  }

  exec(
    _worker: string,
    _task: unknown,
    command: readonly string[],
    options: ProcessOptions,
  ): Promise<ProcessSession> {
    this.commands.push(command);
    return this.#start(command, options);
  }

  attach(_worker: string, _task: unknown, options: ProcessOptions): Promise<ProcessSession> {
    return this.#start(['sh', '-c', this.main], options);
  }

  async portForward(_worker: string, _task: unknown, port: number): Promise<ReturnType<typeof connect>> {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    try {
      await once(socket, 'connect');
    } catch (error) {
      throw new ApiError('ServiceUnavailable', `connect to port ${port}: connection refused`, undefined, {
        cause: error,
      });
    }
    return socket;
  }

  usage(): Promise<never> {
    return Promise.reject(new ApiError('ServiceUnavailable', 'there is no usage here'));
  }

  reaches(): boolean {
    return true;
  }

  containerMetrics(): Promise<never> {
    return Promise.reject(new ApiError('ServiceUnavailable', 'there are no figures here'));
  }

  /** Ends whatever tests left running. */
  stop(): void {
    for (const session of this.sessions.splice(0)) void session.kill();
  }

  /** What all processes wrote, as far as somebody took it. */
  get bytesRead(): number {
    return this.sessions.reduce((sum, session) => sum + session.bytesRead, 0);
  }

  /** How many processes run. */
  get running(): number {
    return this.sessions.filter((session) => session.isRunning).length;
  }

  async #start(command: readonly string[], options: ProcessOptions): Promise<ProcessSession> {
    this.options.push(options);
    if (this.failure !== undefined) throw this.failure;
    const [file = '', ...words] = options.tty
      ? [
          'script',
          '-qefc',
          command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' '),
          '/dev/null',
        ]
      : command;
    const child = spawn(file, words, { cwd: this.directory });
    try {
      await once(child, 'spawn');
    } catch (error) {
      throw new ApiError(
        'BadRequest',
        `exec: "${command[0] ?? ''}": executable file not found in $PATH`,
        undefined,
        { cause: error },
      );
    }
    const session = new LocalSession(child, options, (size) => this.sizes.push(size));
    this.sessions.push(session);
    return session;
  }
}

export class LocalSession implements ProcessSession {
  readonly output: AsyncIterable<LogChunk>;
  readonly ended: Promise<{ readonly exitCode: number | undefined }>;
  isClosed = false;
  bytesRead = 0;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #onSize: (size: TerminalSize) => void;

  constructor(
    child: ChildProcessWithoutNullStreams,
    options: ProcessOptions,
    onSize: (size: TerminalSize) => void,
  ) {
    this.#child = child;
    this.#onSize = onSize;
    child.stdin.on('error', () => undefined);
    if (!options.stdin) child.stdin.end();
    const merged = new PassThrough({ objectMode: true, highWaterMark: 2 });
    const count = (bytes: number): void => {
      this.bytesRead += bytes;
    };
    const copies = [copy('stdout', child.stdout, merged, count), copy('stderr', child.stderr, merged, count)];
    void Promise.all(copies).then(() => merged.end());
    this.output = merged;
    this.ended = once(child, 'close').then(([code, signal]: unknown[]) => ({
      exitCode: typeof code === 'number' ? code : signal === null ? undefined : 137,
    }));
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async write(data: Uint8Array): Promise<void> {
    const { stdin } = this.#child;
    if (!stdin.writable || stdin.write(data)) return;
    const settled = new AbortController();
    const { signal } = settled;
    const waits = [once(stdin, 'drain', { signal }), once(stdin, 'close', { signal })];
    await Promise.race(waits);
    settled.abort();
    await Promise.allSettled(waits);
  }

  endInput(): void {
    this.#child.stdin.end();
  }

  resize(size: TerminalSize): Promise<void> {
    this.#onSize(size);
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#child.stdin.end();
  }

  kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    return Promise.resolve();
  }
}

async function copy(
  stream: LogChunk['stream'],
  from: Readable,
  to: PassThrough,
  count: (bytes: number) => void,
): Promise<void> {
  for await (const data of from as AsyncIterable<Buffer>) {
    count(data.length);
    if (!to.write({ stream, data })) await once(to, 'drain');
  }
}
