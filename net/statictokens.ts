/**
 * Bearer tokens from a file in Kubernetes' form, one a line: `token,user,uid` and, if wanted, `"group1,group2"`.
 *
 * Promises: a change of the file counts within a second; a file that has become unreadable changes nothing and says so
 * once; how long a look-up takes tells nothing about the tokens.
 * Source: Kubernetes documentation, "Authenticating", "Static token file".
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../machinery/clock.ts';
import { fileProblem } from '../machinery/durablefile.ts';
import { messageOf } from '../machinery/errors.ts';
import type { Log } from '../machinery/log.ts';
import { TokenError } from './tokens.ts';

export interface StaticUser {
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
}

interface Entry {
  readonly digest: Buffer;
  readonly user: StaticUser;
}

/** The file is looked at this often at most, milliseconds. */
const LOOK_EVERY_MS = 1_000;

export class StaticTokens {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Tokens are kept and compared only as digests with a key of this process. */
  readonly #secret = randomBytes(32);
  #entries: ReadonlyMap<string, Entry> = new Map();
  #stamp = '';
  #problem = '';
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(path: string, clock: Clock, log: Log) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
  }

  /** Rejects with `TokenError` naming the file, the line and what is wrong with it. */
  async open(): Promise<void> {
    await this.#read();
  }

  async find(token: string): Promise<StaticUser | undefined> {
    await this.#lookNow();
    const digest = this.#digest(token);
    const entry = this.#entries.get(digest.toString('base64'));
    return entry !== undefined && timingSafeEqual(entry.digest, digest) ? entry.user : undefined;
  }

  async #lookNow(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#lookedAtMs < LOOK_EVERY_MS) return;
    this.#lookedAtMs = nowMs;
    try {
      await this.#read();
      this.#problem = '';
    } catch (error) {
      const problem = messageOf(error);
      if (problem !== this.#problem) this.#log.warn({ problem }, 'the tokens read before stay valid');
      this.#problem = problem;
    }
  }

  async #read(): Promise<void> {
    let text: string;
    try {
      const found = await stat(this.#path);
      const stamp = `${found.ino} ${found.mtimeMs} ${found.size}`;
      if (stamp === this.#stamp) return;
      text = await readFile(this.#path, 'utf8');
      this.#entries = new Map(
        parseTokenFile(text, this.#path).map(({ token, ...user }) => {
          const digest = this.#digest(token);
          return [digest.toString('base64'), { digest, user }];
        }),
      );
      this.#stamp = stamp;
    } catch (error) {
      if (error instanceof TokenError) throw error;
      throw new TokenError(`cannot read the token file ${this.#path}: ${fileProblem(error)}`, {
        cause: error,
      });
    }
  }

  #digest(token: string): Buffer {
    return createHmac('sha256', this.#secret).update(token).digest();
  }
}

/** Throws `TokenError`; never with a token in its message. */
export function parseTokenFile(
  text: string,
  path: string,
): readonly (StaticUser & { readonly token: string })[] {
  const users = new Map<string, StaticUser & { token: string }>();
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === '') return;
    const at = `${path}:${index + 1}`;
    const fields = parseCsvLine(line);
    if (fields === undefined)
      throw new TokenError(`${at}: a quote is not closed, or not at the end of a field`);
    const [token = '', name = '', uid, groups = ''] = fields.map((field) => field.trim());
    if (uid === undefined) {
      throw new TokenError(
        `${at}: found ${fields.length} fields, wanted token,user,uid and, if needed, groups`,
      );
    }
    if (token === '') throw new TokenError(`${at}: the token is empty`);
    if (name === '') throw new TokenError(`${at}: the user is empty`);
    if (users.has(token)) throw new TokenError(`${at}: the token of user "${name}" is there twice`);
    const list = groups.split(',').filter((group) => group !== '');
    users.set(token, { token, name, uid, groups: list });
  });
  return [...users.values()];
}

/** The fields of a line (RFC 4180, no line breaks inside quotes); undefined when its quotes are wrong. */
function parseCsvLine(line: string): string[] | undefined {
  const fields: string[] = [];
  const field = /\s*"((?:[^"]|"")*)"\s*(,|$)|([^",]*)(,|$)/y;
  for (;;) {
    const match = field.exec(line);
    if (match === null) return undefined;
    fields.push(match[1] === undefined ? (match[3] ?? '') : match[1].replaceAll('""', '"'));
    if ((match[2] ?? match[4]) !== ',') return fields;
  }
}
