/** Lines out of a byte stream, however the bytes were cut into chunks. */
import { ApiError } from '../machinery/errors.ts';

const NEWLINE = 10;

/**
 * Yields every line that is not empty (empty ones are heartbeats), and at the end a rest without a line feed.
 * Throws `ApiError('RequestEntityTooLarge')` when a line grows past the bound, so that a server gone wrong cannot fill
 * the memory.
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
): AsyncGenerator<string, void, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const hold = (part: Uint8Array): void => {
    heldBytes += part.length;
    if (heldBytes > maxLineBytes) {
      throw new ApiError(
        'RequestEntityTooLarge',
        `the server sent a line of more than ${maxLineBytes} bytes: wanted watch frames below that`,
      );
    }
    if (part.length > 0) held.push(part);
  };
  const take = (): string => {
    const line = Buffer.concat(held, heldBytes).toString('utf8').trim();
    held = [];
    heldBytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
      hold(chunk.subarray(start, end));
      start = end + 1;
      const line = take();
      if (line !== '') yield line;
    }
    hold(chunk.subarray(start));
  }
  const rest = take();
  if (rest !== '') yield rest;
}
