/**
 * Keys that a JSON text gives more than once within one object. `JSON.parse` takes the last and says nothing; Kubernetes
 * warns of them or refuses them.
 *
 * The text is read again only when it has more keys than the value that was made of it.
 */
import { isRecord } from './json.ts';

/** More than these are not told. */
const MAX_TOLD = 20;
const KEY_END = /"\s*:/g;

/** Paths such as `spec.ports[0].name`. @param value what `JSON.parse` made of the text. */
export function duplicateKeys(text: string, value: unknown): readonly string[] {
  return (text.match(KEY_END)?.length ?? 0) > countKeys(value) ? scan(text) : [];
}

function countKeys(value: unknown): number {
  if (Array.isArray(value)) {
    let count = 0;
    for (const item of value) count += countKeys(item);
    return count;
  }
  if (!isRecord(value)) return 0;
  let count = 0;
  for (const key of Object.keys(value)) count += 1 + countKeys(value[key]);
  return count;
}

/** One object or list on the way to where the scan is. */
interface Level {
  readonly keys: Set<string> | undefined;
  /** The key being read, or the index of the item. */
  at: string | number;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]/gs;

/** The text is JSON: it was parsed before. */
function scan(text: string): readonly string[] {
  const found: string[] = [];
  const levels: Level[] = [];
  let isKey = false;
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1);
    switch (token) {
      case '{':
        levels.push({ keys: new Set(), at: '' });
        isKey = true;
        break;
      case '[':
        levels.push({ keys: undefined, at: 0 });
        isKey = false;
        break;
      case '}':
      case ']':
        levels.pop();
        isKey = false;
        break;
      case ',':
        isKey = level?.keys !== undefined;
        if (level !== undefined && typeof level.at === 'number') level.at += 1;
        break;
      case ':':
        isKey = false;
        break;
      default:
        if (!isKey || level?.keys === undefined) break;
        level.at = String(JSON.parse(token));
        if (!level.keys.has(level.at)) level.keys.add(level.at);
        else if (found.length < MAX_TOLD) found.push(pathOf(levels));
    }
  }
  return [...new Set(found)];
}

function pathOf(levels: readonly Level[]): string {
  return levels.reduce((path, { at }) => {
    if (typeof at === 'number') return `${path}[${at}]`;
    return path === '' ? at : `${path}.${at}`;
  }, '');
}
