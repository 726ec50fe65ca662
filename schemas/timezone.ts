/**
 * Time zones by their IANA names: what clocks in them show, and when they are set. Pure; the tables are the runtime's.
 *
 * A segment is a stretch of time in which a zone's clocks run evenly. Segments come in time's order and without holes;
 * one may end where nothing is set, so that none is longer than a year or so.
 */

export interface ZoneSegment {
  readonly startMs: number;
  /** Not part of it. */
  readonly endMs: number;
  /** What clocks show, as if it were UTC, minus UTC. */
  readonly offsetMs: number;
  /** The same just before it began; larger: the clocks were set back. */
  readonly previousOffsetMs: number;
}

/** A year or so. */
const CHUNK_MS = 400 * 86_400_000;
/** No zone sets its clocks there and back again within this. */
const STEP_MS = 4 * 86_400_000;
/** Of each zone; the oldest is forgotten. */
const MAX_CHUNKS = 32;
/** There are some 600 names. */
const MAX_ZONES = 1_000;

const zones = new Map<string, Zone>();

/** Says what is wrong with a time zone's name. */
export function timeZoneProblem(name: string): string | undefined {
  // Offsets and "" are no names, though the runtime takes them.
  if (/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) {
    try {
      new Intl.DateTimeFormat('en-US', { timeZone: name });
      return undefined;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  return `time zone "${name.slice(0, 64)}" is not known, wanted a name of the IANA database such as Europe/Berlin or UTC`;
}

/** Throws for a name that is not known. */
export function openZone(name: string): Zone {
  const known = zones.get(name);
  if (known !== undefined) return known;
  const problem = timeZoneProblem(name);
  if (problem !== undefined) throw new Error(problem);
  const zone = new Zone(name);
  if (zones.size >= MAX_ZONES) zones.clear();
  zones.set(name, zone);
  return zone;
}

export class Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #chunks = new Map<number, readonly ZoneSegment[]>();

  constructor(name: string) {
    this.name = name;
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'iso8601',
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** What clocks show at this moment, as if it were UTC, minus it. */
  offsetMs(epochMs: number): number {
    const wholeMs = Math.floor(epochMs / 1000) * 1000;
    const shown: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(wholeMs)) shown[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = shown;
    return Date.UTC(year, month - 1, day, hour, minute, second) - wholeMs;
  }

  segmentAt(epochMs: number): ZoneSegment {
    const index = Math.floor(epochMs / CHUNK_MS);
    const found = this.#chunk(index).find(({ endMs }) => epochMs < endMs);
    if (found === undefined) throw new Error(`no segment of ${this.name} holds ${epochMs}`);
    return found;
  }

  #chunk(index: number): readonly ZoneSegment[] {
    const known = this.#chunks.get(index);
    if (known !== undefined) return known;
    const made = this.#segments(index * CHUNK_MS, (index + 1) * CHUNK_MS);
    const oldest = this.#chunks.keys().next().value;
    if (this.#chunks.size >= MAX_CHUNKS && oldest !== undefined) this.#chunks.delete(oldest);
    this.#chunks.set(index, made);
    return made;
  }

  #segments(fromMs: number, toMs: number): readonly ZoneSegment[] {
    const segments: ZoneSegment[] = [];
    let startMs = fromMs;
    let offsetMs = this.offsetMs(fromMs);
    let previousOffsetMs = this.offsetMs(fromMs - 1);
    for (let atMs = fromMs; atMs < toMs; atMs += STEP_MS) {
      const nextMs = Math.min(atMs + STEP_MS, toMs);
      // What happens at the very end is the next chunk's.
      if (this.offsetMs(nextMs - 1) === offsetMs) continue;
      const setMs = this.#firstOther(atMs, nextMs - 1, offsetMs);
      segments.push({ startMs, endMs: setMs, offsetMs, previousOffsetMs });
      startMs = setMs;
      previousOffsetMs = offsetMs;
      offsetMs = this.offsetMs(setMs);
    }
    segments.push({ startMs, endMs: toMs, offsetMs, previousOffsetMs });
    return segments;
  }

  /** The first whole second after `lowMs` with another offset, which `highMs` has. */
  #firstOther(lowMs: number, highMs: number, offsetMs: number): number {
    let low = Math.floor(lowMs / 1000);
    let high = Math.floor(highMs / 1000);
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (this.offsetMs(middle * 1000) === offsetMs) low = middle;
      else high = middle;
    }
    return high * 1000;
  }
}
