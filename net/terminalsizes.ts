/**
 * Terminal sizes as Kubernetes' clients send them: JSON objects `{"Width":91,"Height":33}`, one after another, cut
 * anywhere. Pure.
 */
import { isRecord } from '../machinery/json.ts';
import type { TerminalSize } from '../machinery/runtime.ts';

/** A size is some thirty characters: a text this long without an end is none. */
const MAX_SIZE_CHARACTERS = 1024;
const MAX_SIDE = 0xffff;

export class TerminalSizeReader {
  #held = '';

  /** The sizes that these bytes complete; what is no size is skipped. */
  read(chunk: Buffer): readonly TerminalSize[] {
    const texts = (this.#held + chunk.toString('latin1')).split('}');
    this.#held = (texts.pop() ?? '').slice(-MAX_SIZE_CHARACTERS);
    return texts.map((text) => parseSize(`${text}}`)).filter((size) => size !== undefined);
  }
}

function parseSize(text: string): TerminalSize | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text.slice(text.indexOf('{')));
  } catch {
    // No JSON is no size.
    return undefined;
  }
  if (!isRecord(value) || !isSide(value.Width) || !isSide(value.Height)) return undefined;
  return { columns: value.Width, rows: value.Height };
}

/** Zero is what a client without a terminal sends: it means nothing to a terminal here. */
function isSide(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= MAX_SIDE;
}
