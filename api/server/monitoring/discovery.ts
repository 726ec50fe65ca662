/**
 * `/discovery/prometheus`: where Prometheus finds what it scrapes. `/workers` has the containers of each worker that is reached
 * through the server that was asked, at that server; `/tasks` the Tasks that ask for it by annotation; the path itself both.
 *
 * Who may get the path is told of all namespaces, or of the one in `?namespace=`: what Prometheus needs and nothing else of
 * a Task, so that it needs no right to read Tasks. Others are told of the Tasks of a namespace in which they may list them.
 */
import { isApiError } from '../../../machinery/errors.ts';
import { GROUP_MASTERS, type Identity } from '../../../machinery/identity.ts';
import type { Resource } from '../../../machinery/meta.ts';
import { tasks, workers } from '../../../schemas/kinds.ts';
import type { Task, Worker } from '../../../schemas/types.gen.ts';
import type { Registry, RequestContext, StoredObject } from '../../registry/types.ts';
import {
  addressesOf,
  type ScrapeWish,
  type ServerAddress,
  scrapeWishOf,
  type TargetGroup,
  taskTarget,
  workerTarget,
} from '../../views/metrics/targets.ts';
import { Kept } from './kept.ts';

type Registered = Pick<Registry, 'findKind' | 'list'>;

/** Reads everything, for whoever may get the path. */
const READER: Identity = { name: 'system:discovery', groups: [GROUP_MASTERS] };
/** Not as part of the request: that is told to the audit as its path. */
export const AS_READER: RequestContext = { identity: READER };

export class Discovery {
  readonly #registry: Registered;
  readonly #wishes = new Kept<ScrapeWish | undefined>((object) =>
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- admitted by its kind's schema
    scrapeWishOf(object as unknown as Task),
  );

  readonly #reaches: (worker: string) => boolean;

  constructor(registry: Registered, reaches: (worker: string) => boolean) {
    this.#registry = registry;
    this.#reaches = reaches;
  }

  /** Another server's workers are told by that one: from here their containers are not reached. */
  async workers(server: ServerAddress): Promise<readonly TargetGroup[]> {
    const found = await this.#workers(AS_READER);
    return found
      .filter(({ metadata }) => this.#reaches(metadata.name))
      .map((worker) => workerTarget(worker, server));
  }

  /** @param context who lists. Throws `Forbidden` for who may not list Tasks there. */
  async tasks(context: RequestContext, namespace: string | undefined): Promise<readonly TargetGroup[]> {
    const wishes = await this.#wishes.of(await this.#list(context, tasks, namespace));
    const wanted = wishes.filter((wish) => wish !== undefined);
    const needsAddresses = wanted.some(({ host }) => host === undefined);
    const addresses = addressesOf(needsAddresses ? await this.#workersIfSeen(context) : []);
    return wanted.flatMap((wish) => taskTarget(wish, addresses) ?? []);
  }

  async #workers(context: RequestContext): Promise<readonly Worker[]> {
    const found = await this.#list(context, workers, undefined);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- admitted by its kind's schema
    return found.map(({ object }) => object as unknown as Worker);
  }

  /** Who may list Tasks and no Workers is not told where these are: what is published on all of their addresses is left out. */
  async #workersIfSeen(context: RequestContext): Promise<readonly Worker[]> {
    try {
      return await this.#workers(context);
    } catch (error) {
      if (isApiError(error, 'Forbidden')) return [];
      throw error;
    }
  }

  async #list(
    context: RequestContext,
    resource: Pick<Resource, 'group' | 'version' | 'plural'>,
    namespace: string | undefined,
  ): Promise<readonly StoredObject[]> {
    const kind = this.#registry.findKind(resource.group, resource.version, resource.plural);
    if (kind === undefined) return [];
    const where = namespace === undefined ? {} : { namespace };
    const { items } = await this.#registry.list(context, kind, { resourceVersion: '0', ...where });
    return items;
  }
}
