/**
 * A log line for people, made of the same line as JSON: time, level, message, then the fields as `name=value`; a stack
 * below it, indented. One event is one line, but for a stack: whatever would break a line, or move a cursor, is escaped.
 */
import { isRecord } from './json.ts';

const SHOWN_FIRST = new Set(['level', 'time', 'msg', 'err']);
const LEVEL_WIDTH = 5;

/** @param line as pino writes it, with its newline. What is no such line comes back as it is. */
export function textLine(line: string): string {
  const event = parsed(line);
  if (event === undefined) return line;
  const { level, time, msg, err } = event;
  const words = [shown(time), shown(level).toUpperCase().padEnd(LEVEL_WIDTH), plain(shown(msg))];
  for (const [name, value] of Object.entries(event)) {
    if (!SHOWN_FIRST.has(name)) words.push(`${name}=${quoted(value)}`);
  }
  const { type, message, stack } = isRecord(err) ? err : {};
  if (err !== undefined) {
    // Most messages end with the error's own: once is enough.
    const isTold = typeof message === 'string' && shown(msg).includes(message);
    words.push(
      `err=${quoted(!isRecord(err) ? err : isTold ? shown(type) : `${shown(type)}: ${shown(message)}`)}`,
    );
  }
  const below = typeof stack === 'string' && isGrave(level) ? framesOf(stack) : [];
  return `${[words.join(' '), ...below].join('\n')}\n`;
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const event: unknown = JSON.parse(line);
    return isRecord(event) ? event : undefined;
  } catch {
    // Not a line of ours: shown as it is, which loses nothing.
    return undefined;
  }
}

/** Where something is wrong inside one wants to know where; a refusal says enough by itself. */
function isGrave(level: unknown): boolean {
  return level === 'error' || level === 'fatal';
}

function framesOf(stack: string): string[] {
  return stack
    .split('\n')
    .filter((frame) => /^\s+at /.test(frame))
    .map((frame) => `    ${plain(frame.trim())}`);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

function quoted(value: unknown): string {
  const text = shown(value);
  return typeof value === 'string' && !/^[^\s"=\p{C}]+$/u.test(text)
    ? plain(JSON.stringify(text))
    : plain(text);
}

/** Control characters, among them those that only a terminal obeys, as `\u….` */
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, (found) => {
    return `\\u${(found.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
  });
}
