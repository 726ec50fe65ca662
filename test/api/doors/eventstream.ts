/** Reads server-sent events as a browser does. Source: HTML Living Standard, "Interpreting an event stream". */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';

export interface StreamEvent {
  /** The last event id after this event; undefined until one was given. */
  readonly id: string | undefined;
  /** Undefined for a block without data: nothing is dispatched for it. */
  readonly data: string | undefined;
  /** The lines of the block, comments too. */
  readonly lines: readonly string[];
}

export interface EventStream {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The next block, with data or without; undefined when the stream ended properly. */
  block(): Promise<StreamEvent | undefined>;
  /** The next event. Throws when there is none. */
  event(): Promise<StreamEvent & { readonly data: string }>;
  /** What an answer that is no stream says. */
  rest(): Promise<string>;
  close(): void;
}

export function openEvents(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<EventStream> {
  return new Promise((resolve, reject) => {
    const accept = { Accept: 'text/event-stream', 'Cache-Control': 'no-cache', ...headers };
    const request = httpRequest(
      { host: '127.0.0.1', port, path, headers: accept, agent: false },
      (response) => {
        const blocks = readBlocks(response);
        const block = async (): Promise<StreamEvent | undefined> => {
          const { value, done } = await blocks.next();
          return done === true ? undefined : value;
        };
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          block,
          async event() {
            for (;;) {
              const found = await block();
              if (found === undefined) throw new Error('the stream ended');
              const { data } = found;
              if (data !== undefined) return { ...found, data };
            }
          },
          async rest() {
            let text = '';
            for await (const chunk of response) text += String(chunk);
            return text;
          },
          close: () => request.destroy(),
        });
      },
    );
    request.on('error', reject);
    request.end();
  });
}

async function* readBlocks(chunks: AsyncIterable<Buffer>): AsyncGenerator<StreamEvent, undefined> {
  let held = '';
  let id: string | undefined;
  for await (const chunk of chunks) {
    const blocks = (held + chunk.toString('utf8')).split('\n\n');
    held = blocks.pop() ?? '';
    for (const text of blocks) {
      const lines = text.split('\n');
      const values = (name: string): string[] =>
        lines
          .filter((line) => line === name || line.startsWith(`${name}:`))
          .map((line) => line.slice(name.length + 1).replace(/^ /, ''));
      id = values('id').at(-1) ?? id;
      const data = values('data');
      yield { id, data: data.length === 0 ? undefined : data.join('\n'), lines };
    }
  }
  return undefined;
}
