/** A copy of a kind kept by its watch alone, from before the fuzzing to after it: it must end as the list does. */
import { isRecord } from '../../machinery/json.ts';
import { askPort, asRecord, type Lines, streamPort } from '../api/server/harness.ts';
import { eventually } from './round.ts';

type Copy = Map<string, string>;

export class Mirror {
  readonly #port: number;
  readonly #path: string;
  readonly #copy: Copy;
  readonly #lines: Lines;
  /** What the watch said that no watch may say. */
  #problem: string | undefined;
  readonly #ended: Promise<void>;

  private constructor(port: number, path: string, copy: Copy, lines: Lines) {
    this.#port = port;
    this.#path = path;
    this.#copy = copy;
    this.#lines = lines;
    this.#ended = this.#follow();
  }

  /** @param path of the collection. */
  static async open(port: number, path: string): Promise<Mirror> {
    const { copy, resourceVersion } = await listed(port, path);
    const lines = await streamPort(port, `${path}?watch=true&resourceVersion=${resourceVersion}`);
    return new Mirror(port, path, copy, lines);
  }

  /** Throws when the copy does not become what is listed. */
  async check(): Promise<void> {
    await eventually(`the watch of ${this.#path} to have told what is listed`, async () => {
      if (this.#problem !== undefined) throw new Error(`the watch of ${this.#path}: ${this.#problem}`);
      const { copy } = await listed(this.#port, this.#path);
      return (
        copy.size === this.#copy.size && [...copy].every(([key, version]) => this.#copy.get(key) === version)
      );
    });
  }

  async close(): Promise<void> {
    this.#lines.close();
    await this.#ended;
  }

  async #follow(): Promise<void> {
    try {
      for (let frame = await this.#lines.next(); frame !== undefined; frame = await this.#lines.next()) {
        this.#take(frame);
      }
    } catch {
      // The connection was closed by whoever closes the mirror; if not, the copy stays behind, and the check tells.
    }
  }

  #take({ type, object }: Record<string, unknown>): void {
    const [key, version] = keyAndVersion(object);
    const isKnown = this.#copy.has(key);
    if (type === 'ADDED' && isKnown) this.#problem ??= `${key} was added twice`;
    if ((type === 'MODIFIED' || type === 'DELETED') && !isKnown)
      this.#problem ??= `${key} was ${type}, but is unknown`;
    if (type === 'ERROR') this.#problem ??= `an error: ${JSON.stringify(object)}`;
    if (type === 'DELETED') this.#copy.delete(key);
    else this.#copy.set(key, version);
  }
}

async function listed(
  port: number,
  path: string,
): Promise<{ readonly copy: Copy; readonly resourceVersion: string }> {
  const list = (await askPort(port, 'GET', path)).json();
  const items: readonly unknown[] = Array.isArray(list.items) ? list.items : [];
  return {
    copy: new Map(items.map(keyAndVersion)),
    resourceVersion: String(asRecord(list.metadata).resourceVersion),
  };
}

function keyAndVersion(object: unknown): [key: string, version: string] {
  const metadata = isRecord(object) && isRecord(object.metadata) ? object.metadata : {};
  return [`${String(metadata.namespace)}/${String(metadata.name)}`, String(metadata.resourceVersion)];
}
