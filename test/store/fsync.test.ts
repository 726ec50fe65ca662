/**
 * An acknowledgement comes only after the disk has been told to keep the write: seen from outside, in the system
 * calls of a traced process. Killing a process cannot show this, because the page cache outlives it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { newDirectory, removeDirectories } from './builders.ts';

const COMMITS = 5;

/** The system calls of a run in the order they ended, one line each, without the process id in front. */
async function trace(synchronous: 'FULL' | 'OFF'): Promise<string[]> {
  const directory = newDirectory();
  const output = join(directory, 'trace');
  const script = fileURLToPath(new URL('./fsync-writer.ts', import.meta.url));
  // -f: the database lives in a thread of its own. -y: with the path of each file descriptor.
  const options = ['-f', '-y', '-e', 'trace=fdatasync,fsync,write,pwrite64', '-o', output];
  const child = spawn(
    'strace',
    [...options, process.execPath, script, join(directory, 'store'), synchronous],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  try {
    await once(child, 'close');
  } catch (error) {
    throw new Error('strace could not be started; install it (apt-get install strace)', { cause: error });
  }
  if (child.exitCode !== 0) {
    throw new Error(
      `the traced process ended with ${child.exitCode}; strace needs leave to trace (ptrace) here: ${errors}`,
    );
  }
  return joinUnfinished(readFileSync(output, 'utf8').split('\n'));
}

/** A call that another thread's call interrupted is told in two lines: one line again, where it ended. */
function joinUnfinished(lines: readonly string[]): string[] {
  const begun = new Map<string, string>();
  const calls: string[] = [];
  for (const line of lines) {
    const [, thread = '', call = ''] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    const unfinished = /^(.*) <unfinished \.\.\.>$/.exec(call)?.[1];
    const rest = /^<\.\.\. \w+ resumed>(.*)$/.exec(call)?.[1];
    if (unfinished !== undefined) begun.set(thread, unfinished);
    else if (rest !== undefined) calls.push(`${begun.get(thread) ?? ''}${rest}`);
    else if (call !== '') calls.push(call);
  }
  return calls;
}

/** What is wrong with each commit's acknowledgement; empty when each waited for its flush. */
function findUnflushed(calls: readonly string[]): string[] {
  const findings: string[] = [];
  for (let n = 1; n <= COMMITS; n++) {
    const request = calls.findIndex(
      (call) => call.startsWith('write(1<') && call.includes(`"request ${n}\\n"`),
    );
    const ack = calls.findIndex((call) => call.startsWith('write(1<') && call.includes(`"ack ${n}\\n"`));
    if (request < 0 || ack < request) throw new Error(`the trace does not show commit ${n}`);
    const between = calls.slice(request, ack);
    const written = between.findLastIndex((call) => /^pwrite64\(\d+<[^>]*store\.db-wal>/.test(call));
    if (written < 0) findings.push(`commit ${n}: acknowledged without a write to the log file`);
    const isFlushed = between
      .slice(written + 1)
      .some((call) => /^f(?:data)?sync\(\d+<[^>]*store\.db-wal>\)\s+= 0$/.test(call));
    if (!isFlushed) findings.push(`commit ${n}: acknowledged without a flush after its last write`);
  }
  return findings;
}

describe('sqlite store and the disk', function () {
  this.timeout(60_000);
  after(removeDirectories);

  it('acknowledges a commit only after a flush that follows its last write', async () => {
    expect(findUnflushed(await trace('FULL'))).to.deep.equal([]);
  });

  it('would be found out: without flushes, this very check reports each commit', async () => {
    const findings = findUnflushed(await trace('OFF'));
    expect(findings).to.deep.equal(
      Array.from(
        { length: COMMITS },
        (_, n) => `commit ${n + 1}: acknowledged without a flush after its last write`,
      ),
    );
  });
});
