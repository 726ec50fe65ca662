/**
 * What one connection's user may see: what may be watched of Runs in a namespace is seen of all that belongs to them.
 * Asked again and again, and an answer is good for a few seconds: a right that is taken away ends what it allowed.
 */
import type { Clock } from '../../../machinery/clock.ts';
import { isApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { namespaces, runs } from '../../../schemas/kinds.ts';
import type { Registry, RequestContext } from '../../registry/types.ts';
import { FEED_IDENTITY } from './feed.ts';

/** How long an answer is good, milliseconds. */
export const GOOD_MS = 5_000;

export type RightsRegistry = Pick<Registry, 'as' | 'authorize'>;

export class Rights {
  readonly #registry: RightsRegistry;
  readonly #clock: Clock;
  readonly #identity: Identity;
  readonly #known = new Map<string, boolean>();
  #sinceMs = -Infinity;
  #anywhere: Promise<boolean> | undefined;

  constructor(registry: RightsRegistry, clock: Clock, identity: Identity) {
    this.#registry = registry;
    this.#clock = clock;
    this.#identity = identity;
  }

  /** Whether they may see the Runs of a namespace. */
  may(namespace: string): boolean {
    this.#forgetOld();
    const known = this.#known.get(namespace);
    if (known !== undefined) return known;
    const may = this.#ask(namespace);
    this.#known.set(namespace, may);
    return may;
  }

  /** Whether there is any namespace whose Runs they may see. */
  mayAnywhere(): Promise<boolean> {
    this.#forgetOld();
    if (this.#anywhere !== undefined) return this.#anywhere;
    // A hundred subscriptions ask at once, and there may be thousands of namespaces.
    const asked = this.#askAnywhere();
    this.#anywhere = asked;
    asked.catch(() => {
      if (this.#anywhere === asked) this.#anywhere = undefined;
    });
    return asked;
  }

  async #askAnywhere(): Promise<boolean> {
    if (this.#ask(undefined)) return true;
    const list = await this.#registry.as(FEED_IDENTITY).list(namespaces);
    return list.items.some(({ metadata }) => this.may(metadata.name));
  }

  #forgetOld(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#sinceMs < GOOD_MS) return;
    this.#known.clear();
    this.#anywhere = undefined;
    this.#sinceMs = nowMs;
  }

  #ask(namespace: string | undefined): boolean {
    // Under an origin of its own: a question that the server asks itself is no refused request.
    const origin: RequestContext['origin'] = {
      auditId: '',
      uri: '',
      sourceIps: [],
      receivedMs: 0,
      told: 'everything',
    };
    const { group, version, plural: resource } = runs;
    const request = { verb: 'watch', group, version, resource };
    try {
      this.#registry.authorize(
        { identity: this.#identity, origin },
        namespace === undefined ? request : { ...request, namespace },
      );
      return true;
    } catch (error) {
      if (isApiError(error, 'Forbidden')) return false;
      throw error;
    }
  }
}
