/**
 * `.env` files: `NAME=value` lines. Small and strict: a line that is none of the allowed forms is an error with its
 * number, rather than a setting that quietly does not count.
 *
 *     # a comment
 *     export GANTRY_SECURE_PORT=7443   # `export` is allowed, and a comment after white space
 *     GANTRY_HOME='/srv/my gantry'  # single quotes: as it stands; double quotes: \n, \t, \" and \\ are escapes
 */

export interface DotenvEntry {
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

const LINE =
  /^\s*(?:export\s+)?(?<name>[A-Za-z_][A-Za-z0-9_]*)\s*=[ \t]*(?:'(?<single>[^']*)'|"(?<double>(?:[^"\\]|\\.)*)"|(?<bare>[^'"#\s](?:[^#]|(?<!\s)#)*)?)\s*(?:(?<=[\s'"=])#.*)?$/;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '"': '"', '\\': '\\', $: '$' };

/** The last of several lines for one name counts. Throws an Error naming the line. */
export function parseDotenv(text: string): Map<string, DotenvEntry> {
  const entries = new Map<string, DotenvEntry>();
  for (const [at, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (/^\s*(?:#.*)?$/.test(line)) continue;
    const groups = LINE.exec(line)?.groups;
    if (groups?.name === undefined)
      throw new Error(`line ${at + 1}: found "${line.trim()}", wanted NAME=value`);
    const { name, single, double, bare } = groups;
    const value =
      single ??
      double?.replace(/\\(.)/g, (whole, key: string) => ESCAPES[key] ?? whole) ??
      bare?.trim() ??
      '';
    entries.set(name, { value, line: at + 1 });
  }
  return entries;
}
