/**
 * Debian's docker-registry on the loopback for tests: a process of its own with a directory of its own, killed at will,
 * and gone when the test process is, however it ends. `DOCKER_REGISTRY` names another binary than the PATH's.
 *
 * Images are pushed by hand, so that they can be of any platform and any size.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import type Docker from 'dockerode';
import type { Context } from 'mocha';

const BINARY = process.env['DOCKER_REGISTRY'] ?? 'docker-registry';
const START_MS = 20_000;

/** Who may pull from a registry with `hasUsers`; the hash is bcrypt's, the only one the registry takes. */
export const USER = { username: 'tester', password: 'open sesame' };
const HTPASSWD = `${USER.username}:$2b$05$nUFVv576PnFxCQkyCxpF2.gUGU9YxvSFAwaXjZqmC4/H8tHZKxiuK\n`;

const CONFIG_TYPE = 'application/vnd.docker.container.image.v1+json';
const LAYER_TYPE = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';
const LIST_TYPE = 'application/vnd.docker.distribution.manifest.list.v2+json';

export const hasRegistry = spawnSync(BINARY, ['--version']).error === undefined;

/** In `before(function () { needRegistry(this); … })`: without one the suite is skipped, and says so. */
export function needRegistry(context: Context): void {
  if (hasRegistry) return;
  console.error(
    `      skipped, ${BINARY} not found: run hack/test.sh, or set DOCKER_REGISTRY to where Debian's docker-registry is`,
  );
  context.skip();
}

export interface ImageToPush {
  /** In Go's words; `linux/amd64` by default. */
  readonly architecture?: string;
  readonly os?: string;
  /** Tar files, not compressed. */
  readonly layers: readonly Uint8Array[];
  /** `Cmd`, `User`, `Env` and others as Docker has them. */
  readonly config?: Readonly<Record<string, unknown>>;
}

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

export class ImageRegistry {
  /** `127.0.0.1:port`; engines take the loopback without TLS. */
  readonly host: string;
  /** A line for each request it answered, since the start. */
  readonly requests: string[] = [];
  readonly #directory: string;
  readonly #hasUsers: boolean;
  #process: ChildProcess | undefined;
  readonly #atExit = (): void => {
    this.#process?.kill('SIGKILL');
    rmSync(this.#directory, { recursive: true, force: true });
  };

  private constructor(directory: string, port: number, hasUsers: boolean) {
    this.#directory = directory;
    this.host = `127.0.0.1:${port}`;
    this.#hasUsers = hasUsers;
    process.once('exit', this.#atExit);
  }

  static async start(options: { readonly hasUsers?: boolean } = {}): Promise<ImageRegistry> {
    const directory = mkdtempSync(join(tmpdir(), 'gantry-registry-'));
    const registry = new ImageRegistry(directory, await freePort(), options.hasUsers === true);
    registry.#configure();
    try {
      await registry.resume();
    } catch (error) {
      await registry.stop();
      throw error;
    }
    return registry;
  }

  /** At once, whatever it is sending. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill('SIGKILL');
    await ended;
  }

  /** Starts it again, with what it had and where it was. */
  async resume(): Promise<void> {
    const child = spawn(BINARY, ['serve', join(this.#directory, 'config.yml')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors = (errors + text).slice(-2_000);
    });
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      // Beside the log of its own: `127.0.0.1 - - [date] "GET /v2/… HTTP/1.1" 200 …`.
      for (const line of lines) if (/"[A-Z]+ \/v2\//.test(line)) this.requests.push(line);
    });
    const deadlineMs = performance.now() + START_MS;
    while (!(await this.#answers())) {
      if (child.exitCode !== null) throw new Error(`${BINARY} ended with ${child.exitCode}: ${errors}`);
      if (performance.now() > deadlineMs) throw new Error(`${BINARY} did not answer in time: ${errors}`);
      await delay(50);
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    process.off('exit', this.#atExit);
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** How often a manifest of this image was asked for. */
  manifestRequests(name: string): number {
    return this.requests.filter((line) => line.includes(`/v2/${name}/manifests/`)).length;
  }

  /** @returns the reference to pull, and the digest of what it leads to. */
  async push(
    name: string,
    tag: string,
    image: ImageToPush,
  ): Promise<{ reference: string; digest: string; pinned: string }> {
    const manifest = await this.#pushImage(name, image);
    const { digest } = await this.#putManifest(name, tag, MANIFEST_TYPE, manifest);
    return this.#pushed(name, tag, digest);
  }

  /** One name for an image of each platform. */
  async pushAll(
    name: string,
    tag: string,
    images: readonly ImageToPush[],
  ): Promise<{ reference: string; digest: string; pinned: string }> {
    const manifests: (Descriptor & { platform: { architecture: string; os: string } })[] = [];
    for (const image of images) {
      const { architecture = 'amd64', os = 'linux' } = image;
      const manifest = await this.#pushImage(name, image);
      const stored = await this.#putManifest(name, digestOf(manifest), MANIFEST_TYPE, manifest);
      manifests.push({ ...stored, platform: { architecture, os } });
    }
    const list = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: LIST_TYPE, manifests }));
    const { digest } = await this.#putManifest(name, tag, LIST_TYPE, list);
    return this.#pushed(name, tag, digest);
  }

  #pushed(name: string, tag: string, digest: string): { reference: string; digest: string; pinned: string } {
    return { reference: `${this.host}/${name}:${tag}`, digest, pinned: `${this.host}/${name}@${digest}` };
  }

  async #pushImage(name: string, image: ImageToPush): Promise<Buffer> {
    const { architecture = 'amd64', os = 'linux', layers, config = {} } = image;
    const stored: Descriptor[] = [];
    for (const layer of layers)
      stored.push(await this.#putBlob(name, LAYER_TYPE, gzipSync(layer, { level: 1 })));
    const settings = Buffer.from(
      JSON.stringify({
        architecture,
        os,
        config,
        rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
        history: layers.map(() => ({ created_by: 'test' })),
      }),
    );
    return Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MANIFEST_TYPE,
        config: await this.#putBlob(name, CONFIG_TYPE, settings),
        layers: stored,
      }),
    );
  }

  async #putBlob(name: string, mediaType: string, data: Buffer): Promise<Descriptor> {
    const digest = digestOf(data);
    const begun = await this.#send(`http://${this.host}/v2/${name}/blobs/uploads/`, 'POST');
    const location = new URL(begun.headers.get('location') ?? '', `http://${this.host}`);
    location.searchParams.set('digest', digest);
    await this.#send(location.href, 'PUT', data, 'application/octet-stream');
    return { mediaType, digest, size: data.length };
  }

  async #putManifest(name: string, reference: string, type: string, data: Buffer): Promise<Descriptor> {
    await this.#send(`http://${this.host}/v2/${name}/manifests/${reference}`, 'PUT', data, type);
    return { mediaType: type, digest: digestOf(data), size: data.length };
  }

  async #send(url: string, method: string, body?: Buffer, type?: string): Promise<Response> {
    const response = await fetch(url, {
      method,
      headers: { ...this.#login(), ...(type === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body: new Uint8Array(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${url}: ${response.status} ${text}`);
    return response;
  }

  async #answers(): Promise<boolean> {
    try {
      const response = await fetch(`http://${this.host}/v2/`, { headers: this.#login() });
      await response.text();
      return response.ok;
    } catch {
      return false;
    }
  }

  #login(): Record<string, string> {
    if (!this.#hasUsers) return {};
    const pair = Buffer.from(`${USER.username}:${USER.password}`).toString('base64');
    return { authorization: `Basic ${pair}` };
  }

  #configure(): void {
    const path = (name: string): string => join(this.#directory, name);
    writeFileSync(path('htpasswd'), HTPASSWD);
    const config = {
      version: '0.1',
      log: { level: 'error', accesslog: { disabled: false } },
      storage: { filesystem: { rootdirectory: path('data') } },
      http: { addr: this.host, secret: 'test' },
      ...(this.#hasUsers ? { auth: { htpasswd: { realm: 'test', path: path('htpasswd') } } } : {}),
    };
    // JSON is YAML.
    writeFileSync(path('config.yml'), JSON.stringify(config));
  }
}

/** Of an image of the engine, as one layer. */
export async function rootFileSystem(docker: Docker, image: string): Promise<Buffer> {
  const container = await docker.createContainer({ Image: image, name: `gantry-imgtest-${process.pid}` });
  try {
    const parts: Buffer[] = [];
    for await (const part of await container.export()) parts.push(Buffer.from(part));
    return Buffer.concat(parts);
  } finally {
    await container.remove({ force: true });
  }
}

/** A tar file of one file. */
export function tarOf(name: string, data: Uint8Array): Buffer {
  const size = Math.ceil(data.length / 512) * 512;
  const tar = Buffer.alloc(512 + size + 1024);
  tar.write(name, 0);
  const octal = data.length.toString(8).padStart(11, '0');
  tar.write(['0000644', '0000000', '0000000', octal, '00000000000', ''].join('\0'), 100);
  tar.write('        0', 148);
  tar.write('ustar\x0000', 257);
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  tar.set(data, 512);
  return tar;
}

function digestOf(data: Uint8Array): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port of the loopback is free');
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return address.port;
}
