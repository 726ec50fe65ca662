/**
 * The lines of `gantry jobs tail`. The work's output comes as bytes in pieces of any length; a line is told when it is
 * whole, with the time of its first byte, and standard output and standard error each have lines of their own.
 */
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { type TailResponse, TailResponse_Source } from '../schemas/grpc/jobs.gen.ts';
import { localTime } from './jobtext.ts';

/** A line that does not end is told in pieces of this many bytes. */
const LONGEST_LINE = 64 * 1024;
const LINE_FEED = 10;

interface Begun {
  readonly prefix: string;
  readonly pieces: Uint8Array[];
  length: number;
}

export class JobLines {
  readonly #timeZone: string | undefined;
  /** By source and tag. */
  readonly #begun = new Map<string, Begun>();

  constructor(timeZone: string | undefined) {
    this.#timeZone = timeZone;
  }

  /** What can be told now; empty when it is the middle of a line. */
  take(frame: TailResponse): string {
    const { source, tag } = frame;
    const prefix = `${this.#timeOf(frame)} [${tag}] `;
    if (source !== TailResponse_Source.Stdout && source !== TailResponse_Source.Stderr) {
      const text = Buffer.from(frame.data).toString('utf8');
      return `${this.end()}${prefix}${text.replace(/\n+$/, '')}\n`;
    }
    let told = '';
    let rest = frame.data;
    while (rest.length > 0) {
      const key = `${source} ${tag}`;
      const line = this.#begun.get(key) ?? { prefix, pieces: [], length: 0 };
      const room = LONGEST_LINE - line.length;
      const at = rest.indexOf(LINE_FEED);
      const isWhole = at >= 0 && at <= room;
      const piece = rest.subarray(0, isWhole ? at : room);
      line.pieces.push(piece);
      line.length += piece.length;
      rest = rest.subarray(isWhole ? at + 1 : piece.length);
      if (isWhole || line.length >= LONGEST_LINE) {
        this.#begun.delete(key);
        told += lineText(line);
      } else {
        this.#begun.set(key, line);
      }
    }
    return told;
  }

  /** What was begun and will not go on. */
  end(): string {
    const told = [...this.#begun.values()].map(lineText).join('');
    this.#begun.clear();
    return told;
  }

  #timeOf({ time }: TailResponse): string {
    return localTime(time === undefined ? 0 : timestampMs(time), this.#timeZone);
  }
}

function lineText({ prefix, pieces }: Begun): string {
  return `${prefix}${Buffer.concat(pieces).toString('utf8').replace(/\r$/, '')}\n`;
}
