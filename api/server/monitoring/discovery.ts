/**
 * `/discovery/prometheus`: where Prometheus finds what it scrapes. `/workers` has the containers of each worker, at the server
 * that was asked; `/tasks` the Tasks that ask for it by annotation; the path itself both. Needs the right to get the
 * path, and tells only what the caller may list: all namespaces, or the one in `?namespace=`.
 */
import { isApiError } from '../../../machinery/errors.ts';
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

export class Discovery {
  readonly #registry: Registered;
  readonly #wishes = new Kept<ScrapeWish | undefined>((object) =>
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- admitted by its kind's schema
    scrapeWishOf(object as unknown as Task),
  );

  constructor(registry: Registered) {
    this.#registry = registry;
  }

  /** Throws `Forbidden` for who may not list Workers. */
  async workers(context: RequestContext, server: ServerAddress): Promise<readonly TargetGroup[]> {
    const found = await this.#workers(context);
    return found.map((worker) => workerTarget(worker, server));
  }

  /** Throws `Forbidden` for who may not list Tasks there. */
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
