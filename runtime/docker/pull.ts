/** How far a pull has come, read off the lines the engine sends while it pulls. Pure. */
import { isRecord } from '../../machinery/json.ts';
import type { PullProgress } from '../../machinery/runtime.ts';

interface Layer {
  readonly state: 'known' | 'downloaded' | 'done';
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Of its unpacking; it shows that something goes on. */
  readonly unpackedBytes: number;
}

const NEW_LAYER: Layer = { state: 'known', doneBytes: 0, totalBytes: 0, unpackedBytes: 0 };

/** Statuses of a layer that say nothing but that there is one. */
const WAITING: readonly string[] = ['Pulling fs layer', 'Waiting', 'Preparing'];

export class PullLines {
  /** By the short id that the engine gives each. */
  readonly #layers = new Map<string, Layer>();

  get progress(): PullProgress {
    const layers = [...this.#layers.values()];
    return {
      doneBytes: layers.reduce((sum, { doneBytes }) => sum + doneBytes, 0),
      totalBytes: layers.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
      doneLayers: layers.filter(({ state }) => state === 'done').length,
      layers: layers.length,
    };
  }

  /** @returns whether the line told of anything that moved: a retry announced again and again does not. */
  read(line: Readonly<Record<string, unknown>>): boolean {
    const { id, status, progressDetail } = line;
    if (typeof id !== 'string' || typeof status !== 'string') return false;
    const before = this.#layers.get(id);
    const after = layerAfter(before, status, isRecord(progressDetail) ? progressDetail : {});
    if (after === undefined) return false;
    this.#layers.set(id, after);
    return (
      before === undefined ||
      before.state !== after.state ||
      before.doneBytes !== after.doneBytes ||
      before.unpackedBytes !== after.unpackedBytes
    );
  }
}

/** Undefined for a line that is about no layer, such as `Pulling from library/busybox`. */
function layerAfter(
  before: Layer | undefined,
  status: string,
  detail: Readonly<Record<string, unknown>>,
): Layer | undefined {
  const layer = before ?? NEW_LAYER;
  const current = numberOf(detail['current']);
  const total = Math.max(layer.totalBytes, numberOf(detail['total']));
  if (status === 'Downloading') return { ...layer, doneBytes: current, totalBytes: total };
  if (status === 'Verifying Checksum' || status === 'Download complete') return downloaded(layer);
  if (status === 'Extracting') return { ...downloaded(layer), unpackedBytes: current };
  if (status === 'Pull complete' || status === 'Already exists')
    return { ...downloaded(layer), state: 'done' };
  if (WAITING.includes(status)) return layer;
  // What it had got before the line broke is thrown away or asked for again.
  return status.startsWith('Retrying') ? layer : undefined;
}

function downloaded(layer: Layer): Layer {
  const state = layer.state === 'done' ? 'done' : 'downloaded';
  return { ...layer, state, doneBytes: layer.totalBytes };
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : 0;
}
