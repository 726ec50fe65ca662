/** The engine's JSON lines (events, progress of a pull), one parsed value at a time. */
import { RuntimeError } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';

/** No line of the engine's comes near this; a longer one is not the engine talking. */
const MAX_LINE_BYTES = 1024 * 1024;

export async function* readJsonLines(
  stream: AsyncIterable<Uint8Array>,
): AsyncGenerator<Record<string, unknown>, void, undefined> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      if (part.trim() !== '') yield parse(part);
    }
    if (rest.length > MAX_LINE_BYTES) {
      throw new RuntimeError('Failed', `the engine sent a line of more than ${MAX_LINE_BYTES} bytes`);
    }
  }
  if (rest.trim() !== '') yield parse(rest);
}

function parse(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new RuntimeError('Failed', `the engine sent a line that is not JSON: ${line.slice(0, 200)}`, {
      cause: error,
    });
  }
  if (!isRecord(value)) {
    throw new RuntimeError(
      'Failed',
      `the engine sent a line that is not a JSON object: ${line.slice(0, 200)}`,
    );
  }
  return value;
}
