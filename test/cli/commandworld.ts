/** The commands against the real API of a test world over TLS, with what a person types as words or as one line. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Door } from '../../api/doors/door.ts';
import { writeKubeconfig } from '../../client/kubeconfig.ts';
import { GROUP_MASTERS, type Identity } from '../../machinery/identity.ts';
import { isRecord } from '../../machinery/json.ts';
import { apiVersionOf, type KubeObject, type Resource } from '../../machinery/meta.ts';
import type { WorkerLink } from '../../machinery/workerlink.ts';
import { type Certificates, type SecureServer, serveSecurely } from '../client/secureserver.ts';
import { openWorld, type World } from '../world.ts';
import { type Ran, run, type Surroundings } from './terminal.ts';

const admin: Identity = { name: 'admin', groups: [GROUP_MASTERS] };

export class CommandWorld {
  readonly world: World;
  readonly directory: string;
  readonly #server: SecureServer;

  private constructor(world: World, directory: string, server: SecureServer) {
    this.world = world;
    this.directory = directory;
    this.#server = server;
  }

  static async open(
    certificates: Certificates,
    workerLink?: WorkerLink,
    doorsOf?: (world: World) => readonly Door[],
  ): Promise<CommandWorld> {
    const directory = mkdtempSync(join(tmpdir(), 'gantry-cli-'));
    const world = await openWorld();
    const server = await serveSecurely(world, certificates, {
      ...(workerLink === undefined ? {} : { workerLink }),
      ...(doorsOf === undefined ? {} : { doors: doorsOf(world) }),
    });
    const opened = new CommandWorld(world, directory, server);
    await opened.logIn(certificates, admin);
    return opened;
  }

  /** From now on the commands are this one's. */
  async logIn(certificates: Certificates, identity: Identity): Promise<void> {
    const [pki, credentials] = await Promise.all([certificates.pki(), certificates.of(identity)]);
    mkdirSync(join(this.directory, '.gantry'), { recursive: true });
    await writeKubeconfig(join(this.directory, '.gantry/kubeconfig'), {
      server: this.#server.url,
      authority: pki.authority,
      ...credentials,
    });
  }

  async close(): Promise<void> {
    await this.#server.close();
    await this.world.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** @param line words, or a line that is split at spaces */
  gantry(line: string | readonly string[], surroundings: Partial<Surroundings> = {}): Promise<Ran> {
    const words = typeof line === 'string' ? line.split(' ') : line;
    return run(words, { directory: this.directory, clock: this.world.clock, ...surroundings });
  }

  put(name: string, text: string): void {
    writeFileSync(join(this.directory, name), text);
  }

  create<T extends KubeObject>(
    resource: Resource<T>,
    name: string,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<T> {
    const { metadata, ...rest } = fields;
    const object: unknown = {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: {
        name,
        ...(resource.namespaced ? { namespace: 'default' } : {}),
        ...(isRecord(metadata) ? metadata : {}),
      },
      ...rest,
    };
    // Whether it is one is the server's to say.
    return this.world.admin.create(resource, object as T);
  }

  get<T extends KubeObject>(resource: Resource<T>, name: string): Promise<T> {
    return this.world.admin.get(resource, { name, ...(resource.namespaced ? { namespace: 'default' } : {}) });
  }

  async merge<T extends KubeObject>(resource: Resource<T>, name: string, body: unknown): Promise<T> {
    const key = { name, ...(resource.namespaced ? { namespace: 'default' } : {}) };
    return this.world.admin.patch(resource, key, { type: 'merge', body });
  }

  /** What its controller would write, as of the generation there is. */
  async report<T extends KubeObject>(
    resource: Resource<T>,
    name: string,
    status: Record<string, unknown>,
  ): Promise<T> {
    const key = { namespace: 'default', name };
    const found = await this.world.admin.get(resource, key);
    const body = { status: { observedGeneration: found.metadata.generation ?? 0, ...status } };
    return this.world.admin.patch(resource, key, { type: 'merge', body }, { subresource: 'status' });
  }

  /** Runs a line that must succeed; gives what it printed. */
  async ok(line: string | readonly string[], surroundings: Partial<Surroundings> = {}): Promise<string> {
    const ran = await this.gantry(line, surroundings);
    expect([ran.code, ran.err], String(line)).to.deep.equal([0, '']);
    return ran.out;
  }

  /** Runs a line that must be refused; gives what it said. */
  async refused(line: string | readonly string[], surroundings: Partial<Surroundings> = {}): Promise<string> {
    const ran = await this.gantry(line, surroundings);
    expect(ran.code, `${String(line)}: ${ran.out}`).to.equal(1);
    return ran.err;
  }
}
