/** What the tests of runtimes ask of promises and streams. */
import { expect } from 'chai';
import { RuntimeError, type RuntimeErrorReason } from '../../machinery/errors.ts';
import type { LogChunk } from '../../machinery/runtime.ts';

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** Neighbouring chunks of one stream as one: how the bytes are cut is not promised. */
export function joined(chunks: readonly LogChunk[]): LogChunk[] {
  const runs: { stream: LogChunk['stream']; parts: Uint8Array[] }[] = [];
  for (const { stream, data } of chunks) {
    const last = runs.at(-1);
    if (last?.stream === stream) last.parts.push(data);
    else runs.push({ stream, parts: [data] });
  }
  return runs.map(({ stream, parts }) => ({ stream, data: Uint8Array.from(Buffer.concat(parts)) }));
}

/** The `RuntimeError` a promise rejects with; fails when it does not, or with another error. */
export async function rejection(work: Promise<unknown>, reason?: RuntimeErrorReason): Promise<RuntimeError> {
  const error = await work.then(
    (value) => expect.fail(`expected a RuntimeError, got ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RuntimeError)) throw new Error('expected a RuntimeError', { cause: error });
  if (reason !== undefined) expect(error.reason, error.message).to.equal(reason);
  return error;
}

/** Looks until there is an answer, for at most ten seconds. */
export async function eventually<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`waited 10 s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
