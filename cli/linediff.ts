/**
 * Two texts compared line by line, told as `diff -u` does. Pure. The shortest difference while the texts are not too
 * unlike each other (Myers, "An O(ND) Difference Algorithm"); beyond that the differing middle is told as replaced whole,
 * which is longer and true all the same.
 */

interface Line {
  readonly sign: ' ' | '-' | '+';
  readonly text: string;
}

const CONTEXT_LINES = 3;
/** Insertions and deletions that are looked for; time and memory grow with their square. */
const MAX_EDITS = 1000;

/** Ends in a line feed; empty when the texts are the same. */
export function unifiedDiff(before: string, after: string, names: readonly [string, string]): string {
  if (before === after) return '';
  const lines = editScript(linesOf(before), linesOf(after));
  const hunks = hunksOf(lines).map(([from, to]) => hunkText(lines, from, to));
  return `--- ${names[0]}\n+++ ${names[1]}\n${hunks.join('')}`;
}

function linesOf(text: string): string[] {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

function editScript(a: readonly string[], b: readonly string[]): Line[] {
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const same = (text: string): Line => ({ sign: ' ', text });
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  return [
    ...a.slice(0, start).map(same),
    ...(shortest(left, right) ?? replaced(left, right)),
    ...a.slice(a.length - end).map(same),
  ];
}

function replaced(a: readonly string[], b: readonly string[]): Line[] {
  return [...a.map((text): Line => ({ sign: '-', text })), ...b.map((text): Line => ({ sign: '+', text }))];
}

/** Undefined when it takes more than `MAX_EDITS`. */
function shortest(a: readonly string[], b: readonly string[]): Line[] | undefined {
  const most = Math.min(a.length + b.length, MAX_EDITS);
  /** For each number of edits: by diagonal, how far into `a` one gets. */
  const reached: Map<number, number>[] = [];
  const front = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= most; edits++) {
    reached.push(new Map(front));
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = comesDown(front, diagonal, edits)
        ? (front.get(diagonal + 1) ?? 0)
        : (front.get(diagonal - 1) ?? 0) + 1;
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++;
      front.set(diagonal, x);
      if (x >= a.length && x - diagonal >= b.length) return walkBack(a, b, reached);
    }
  }
  return undefined;
}

/** Whether the way to this diagonal is an insertion (from the one above) rather than a deletion. */
function comesDown(front: ReadonlyMap<number, number>, diagonal: number, edits: number): boolean {
  if (diagonal === -edits) return true;
  return diagonal !== edits && (front.get(diagonal - 1) ?? 0) < (front.get(diagonal + 1) ?? 0);
}

function walkBack(
  a: readonly string[],
  b: readonly string[],
  reached: readonly ReadonlyMap<number, number>[],
): Line[] {
  const lines: Line[] = [];
  let [x, y] = [a.length, b.length];
  for (let edits = reached.length - 1; edits > 0; edits--) {
    const front = reached[edits] ?? new Map<number, number>();
    const diagonal = x - y;
    const isInsertion = comesDown(front, diagonal, edits);
    const from = isInsertion ? diagonal + 1 : diagonal - 1;
    const fromX = front.get(from) ?? 0;
    const fromY = fromX - from;
    for (; x > fromX && y > fromY; x--, y--) lines.push({ sign: ' ', text: a[x - 1] ?? '' });
    if (isInsertion) lines.push({ sign: '+', text: b[--y] ?? '' });
    else lines.push({ sign: '-', text: a[--x] ?? '' });
  }
  for (; x > 0 && y > 0; x--, y--) lines.push({ sign: ' ', text: a[x - 1] ?? '' });
  return lines.reverse();
}

/** Changes with the lines around them, those that touch each other together: from, up to and without. */
function hunksOf(lines: readonly Line[]): (readonly [number, number])[] {
  const hunks: (readonly [number, number])[] = [];
  for (const [at, { sign }] of lines.entries()) {
    if (sign === ' ') continue;
    const [from, to] = [Math.max(0, at - CONTEXT_LINES), Math.min(lines.length, at + CONTEXT_LINES + 1)];
    const last = hunks.at(-1);
    if (last !== undefined && from <= last[1]) hunks[hunks.length - 1] = [last[0], to];
    else hunks.push([from, to]);
  }
  return hunks;
}

function hunkText(lines: readonly Line[], from: number, to: number): string {
  const before = lines.slice(0, from);
  const inside = lines.slice(from, to);
  const place = (other: Line['sign']): string => {
    const count = inside.filter(({ sign }) => sign !== other).length;
    const first = before.filter(({ sign }) => sign !== other).length + (count === 0 ? 0 : 1);
    return count === 1 ? String(first) : `${first},${count}`;
  };
  const body = inside.map(({ sign, text }) => `${sign}${text}\n`).join('');
  return `@@ -${place('+')} +${place('-')} @@\n${body}`;
}
