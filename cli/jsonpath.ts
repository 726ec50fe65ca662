/**
 * `-o jsonpath=TEMPLATE`: text with expressions in braces, `{range EXPRESSION}…{end}` and `{"quoted text"}`.
 * Source: Kubernetes documentation, "JSONPath Support"; the paths themselves are those of printer columns.
 */
import { compileJsonPath, type JsonPath } from '../api/server/jsonpath.ts';
import { messageOf } from '../machinery/errors.ts';
import { CommandError } from './io.ts';

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'path'; readonly read: JsonPath }
  | { readonly kind: 'range'; readonly read: JsonPath; readonly parts: readonly Part[] };

export type Template = (value: unknown) => string;

/** Throws `CommandError` when the template cannot be understood. What an object does not have prints as nothing. */
export function compileTemplate(template: string): Template {
  // kubectl takes a bare path too: `-o jsonpath=.spec.image`.
  const text = template.includes('{') ? template : `{${template}}`;
  const parts = parseParts(text);
  return (value) => render(parts, value);
}

/** One path, in braces or bare, with or without its leading dot, as `wait --for=jsonpath=` takes it. */
export function compilePath(path: string): JsonPath {
  const inner = /^\{(.*)\}$/s.exec(path.trim())?.[1] ?? path.trim();
  return compileExpression(inner);
}

function parseParts(template: string): readonly Part[] {
  const open: { read: JsonPath | undefined; parts: Part[] }[] = [{ read: undefined, parts: [] }];
  const add = (part: Part): void => void open.at(-1)?.parts.push(part);
  for (const token of tokensOf(template)) {
    if (!token.isExpression) {
      add({ kind: 'text', text: token.text });
      continue;
    }
    const expression = token.text.trim();
    const quoted = /^(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)')$/s.exec(expression);
    const range = /^range\s+(.+)$/s.exec(expression);
    if (quoted !== null) {
      add({ kind: 'text', text: unescape(quoted[1] ?? quoted[2] ?? '') });
    } else if (range !== null) {
      open.push({ read: compileExpression(range[1] ?? ''), parts: [] });
    } else if (expression === 'end') {
      const closed = open.pop();
      if (closed?.read === undefined) throw new CommandError(`jsonpath "${template}": {end} without {range}`);
      add({ kind: 'range', read: closed.read, parts: closed.parts });
    } else {
      add({ kind: 'path', read: compileExpression(expression) });
    }
  }
  const root = open.pop();
  if (root === undefined || open.length > 0)
    throw new CommandError(`jsonpath "${template}": {range} without {end}`);
  return root.parts;
}

/** Splits at braces outside quotes. */
function tokensOf(template: string): { readonly text: string; readonly isExpression: boolean }[] {
  const tokens: { text: string; isExpression: boolean }[] = [];
  let at = 0;
  while (at < template.length) {
    const brace = template.indexOf('{', at);
    if (brace !== at)
      tokens.push({ text: template.slice(at, brace < 0 ? undefined : brace), isExpression: false });
    if (brace < 0) break;
    const match = /^\{((?:[^{}"']|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')*)\}/s.exec(template.slice(brace));
    if (match === null)
      throw new CommandError(`jsonpath "${template}": the brace at character ${brace + 1} is not closed`);
    tokens.push({ text: match[1] ?? '', isExpression: true });
    at = brace + match[0].length;
  }
  return tokens;
}

function compileExpression(expression: string): JsonPath {
  const path = expression.trim().replace(/^[$@]/, '');
  try {
    return compileJsonPath(/^[.[]/.test(path) || path === '' ? path : `.${path}`);
  } catch (error) {
    throw new CommandError(messageOf(error), { cause: error });
  }
}

function render(parts: readonly Part[], value: unknown): string {
  return parts
    .map((part) => {
      switch (part.kind) {
        case 'text':
          return part.text;
        case 'path':
          return part.read(value).map(printed).join(' ');
        case 'range':
          return part
            .read(value)
            .map((item) => render(part.parts, item))
            .join('');
      }
    })
    .join('');
}

/** A found value as kubectl prints it: text as it is, anything else as JSON. */
export function printed(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

function unescape(text: string): string {
  return text.replace(/\\(.)/gs, (_whole, character: string) => ESCAPES[character] ?? character);
}
