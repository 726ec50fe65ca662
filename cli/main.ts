#!/usr/bin/env node
/** The `gantry` command: ties the process to the commands, and does nothing else. */
import { once } from 'node:events';
import { homedir } from 'node:os';
import type { WriteStream } from 'node:tty';
import { MessageChannel } from 'node:worker_threads';
import { systemClock } from '../machinery/clock.ts';
import { fileProblem } from '../machinery/durablefile.ts';
import type { Output } from './io.ts';
import { runCli } from './program.ts';

const stop = new AbortController();

function outputOn(stream: WriteStream): Output {
  let isOpen = true;
  // The reader went away (`gantry get tasks | head -1`): there is nobody left to tell, so end quietly.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    isOpen = false;
    if (error.code === 'EPIPE') process.exit(0);
    if (stream === process.stdout) {
      process.stderr.write(`gantry: cannot write to standard output: ${fileProblem(error)}\n`);
    }
    process.exit(1);
  });
  return {
    async write(text) {
      if (!isOpen || text.length === 0) return;
      if (!stream.write(text)) await once(stream, 'drain');
    },
    // A terminal that does not say how wide it is (`TERM=dumb`) may not know how to rewrite a line either.
    columns: () => (stream.isTTY && process.env['TERM'] !== 'dumb' ? stream.columns : undefined),
  };
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // The first asks politely; a second one of the same kind finds the system's own behaviour again.
  process.once(signal, () => stop.abort());
}

/** A command that failed may have left something open: it must not keep the process up. */
const FAILED_GRACE_MS = 5_000;

// No timer of a clock keeps the process: a command that waits for nothing but time is at work all the same.
const atWork = new MessageChannel();
atWork.port1.on('message', () => undefined);

process.exitCode = await runCli(process.argv.slice(2), {
  stdout: outputOn(process.stdout),
  stderr: outputOn(process.stderr),
  stdin: process.stdin,
  // Asked on standard error, so that what the command prints can be piped on.
  isInteractive: process.stdin.isTTY && process.stderr.isTTY,
  env: process.env,
  directory: process.cwd(),
  userHome: homedir(),
  clock: systemClock,
  signal: stop.signal,
});
atWork.port1.close();
if (process.exitCode !== 0) systemClock.after(FAILED_GRACE_MS, () => process.exit());
