/** Labels as the engine takes them in filters and tells them of what it has. */
import { isRecord } from '../../machinery/json.ts';

export function labelFilter(labels: Readonly<Record<string, string>>): string[] {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`);
}

/** What of an answer is text by name; an engine says null for none. */
export function stringsOf(value: unknown): Readonly<Record<string, string>> {
  const strings: Record<string, string> = {};
  for (const [key, text] of Object.entries(isRecord(value) ? value : {})) {
    if (typeof text === 'string') strings[key] = text;
  }
  return strings;
}
