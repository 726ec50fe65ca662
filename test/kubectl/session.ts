/** One kubectl against one running Gantry: its own namespace, its own caches. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { command, eventually, type GantryProcess, type Output } from '../walk/process.ts';
import type { Kubectl } from './versions.ts';

export interface Background {
  readonly child: ChildProcess;
  /** Everything it printed so far. */
  text(): string;
  /** Waits until it printed what matches. */
  says(pattern: RegExp): Promise<void>;
  /** Waits until it ended, and wants it to have ended with this code. */
  ends(code: number): Promise<void>;
  stop(): void;
}

export class Session {
  readonly minor: number;
  readonly namespace: string;
  readonly gantry: GantryProcess;
  readonly folder: string;
  readonly #path: string;

  constructor(gantry: GantryProcess, kubectl: Kubectl) {
    this.gantry = gantry;
    this.minor = kubectl.minor;
    this.#path = kubectl.path;
    this.namespace = `v1-${kubectl.minor}`;
    this.folder = join(gantry.home, this.namespace);
    mkdirSync(this.folder, { recursive: true });
  }

  run(words: readonly string[], input?: string, env: NodeJS.ProcessEnv = {}): Promise<Output> {
    return command(this.#path, this.#words(words), {
      env: this.#env(env),
      ...(input === undefined ? {} : { input }),
    });
  }

  /** Its standard output; fails with everything it printed unless it exits with 0. */
  async ok(words: readonly string[], input?: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const answer = await this.run(words, input, env);
    expect(answer.code, `kubectl ${words.join(' ')}\n${answer.stdout}${answer.stderr}`).to.equal(0);
    return answer.stdout;
  }

  /** Its standard error; fails unless it exits with another code than 0. */
  async fails(words: readonly string[], input?: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const answer = await this.run(words, input, env);
    expect(answer.code, `kubectl ${words.join(' ')} should fail\n${answer.stdout}`).not.to.equal(0);
    return answer.stderr;
  }

  start(words: readonly string[]): Background {
    const child = spawn(this.#path, this.#words(words), {
      env: { ...process.env, ...this.#env({}) },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
    }
    return {
      child,
      text: () => text,
      says: async (pattern) => {
        await eventually(
          `kubectl ${words.join(' ')} says ${pattern}; it said:\n${text}`,
          () => (pattern.test(text) ? true : undefined),
          20_000,
        ).catch((error: unknown) => {
          throw new Error(`${String(error)}\n${text}`);
        });
      },
      ends: async (code) => {
        const found = await eventually(
          `kubectl ${words.join(' ')} ends`,
          () => child.exitCode ?? undefined,
          30_000,
        );
        expect(found, text).to.equal(code);
      },
      stop: () => void child.kill('SIGKILL'),
    };
  }

  /** Writes a file for `-f`, `-k` and the like; gives its path. */
  file(name: string, content: string): string {
    const path = join(this.folder, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  #words(words: readonly string[]): string[] {
    const isPlaced = words.some((word) => word === '-A' || word === '-n' || word.startsWith('--namespace'));
    return [
      `--cache-dir=${join(this.folder, 'cache')}`,
      ...(isPlaced ? [] : [`--namespace=${this.namespace}`]),
      ...words,
    ];
  }

  #env(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    return { KUBECONFIG: this.gantry.kubeconfig, HOME: this.folder, ...env };
  }
}
