/**
 * The law of reading the past: a model remembers the whole state after every write, and any get and any list, at any
 * revision and any time, selected and in pages, answers as the model does.
 */
import { expect } from 'chai';
import type { DynamicObject, Resource } from '../../../machinery/meta.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { refusalOf } from '../../client-conformance.ts';
import { openWorld, type World } from '../../world.ts';

const resource = (plural: string, kind: string, namespaced: boolean, group = ''): Resource => ({
  group,
  version: 'v1',
  plural,
  kind,
  namespaced,
});
const configmaps = resource('configmaps', 'ConfigMap', true);
const clusterRoles = resource('clusterroles', 'ClusterRole', false, 'rbac.authorization.k8s.io');

function configmap(name: string, value: string, namespace: string): DynamicObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, labels: { value } },
    data: { value },
  };
}

describe('The past', () => {
  let world: World;

  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  it('is what it was: every read at any revision or time answers as a model that remembers everything', async function () {
    this.timeout(60_000);
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9));
    const replay = `replay: SEED=${seed} npx mocha test/api/registry/past-law.test.ts`;
    const random = seededRandom(seed);
    const upTo = (end: number): number => Math.floor(random.next() * end);
    const pick = <T>(from: readonly T[]): T => {
      // Callers pick from what is not empty.
      return from[upTo(from.length)] as T;
    };
    const { admin, store, clock } = world;
    interface State {
      readonly revision: number;
      readonly timeMs: number;
      readonly objects: ReadonlyMap<string, string>;
    }
    const states: State[] = [{ revision: store.revision(), timeMs: clock.now(), objects: new Map() }];
    let floor = 0;
    const rooms = ['default', 'gantry-system'];
    const keyed = ({ metadata }: DynamicObject): string => `${metadata.namespace}/${metadata.name}`;
    const statesAt = (holds: (state: State) => boolean): State | undefined => states.findLast(holds);

    const write = async (): Promise<void> => {
      const now = new Map(states.at(-1)?.objects);
      const [namespace, name] = [pick(rooms), pick(['a', 'b', 'c', 'd', 'e', 'f'])];
      const key = `${namespace}/${name}`;
      if (upTo(6) === 0) {
        // Of another kind: the revision moves on, nothing else does.
        const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', rules: [] };
        await admin.create(clusterRoles, {
          ...role,
          metadata: { name: `r${store.revision()}` },
        });
      } else if (!now.has(key)) {
        const made = await admin.create(configmaps, configmap(name, pick(['x', 'y']), namespace));
        now.set(key, JSON.stringify(made));
      } else if (upTo(3) === 0) {
        await admin.delete(configmaps, { namespace, name });
        now.delete(key);
      } else {
        const next = configmap(name, pick(['x', 'y', 'z']), namespace);
        now.set(key, JSON.stringify(await admin.update(configmaps, next)));
      }
      states.push({ revision: store.revision(), timeMs: clock.now(), objects: now });
    };

    const ask = async (): Promise<void> => {
      const isByTime = upTo(2) === 0;
      const last = states.at(-1);
      const first = states[0];
      if (last === undefined || first === undefined) throw new Error('there are no states');
      const timeMs = first.timeMs + upTo(clock.now() - first.timeMs + 1);
      const revision = first.revision + upTo(last.revision - first.revision + 1);
      const state = statesAt((one) => (isByTime ? one.timeMs <= timeMs : one.revision <= revision));
      const options = isByTime
        ? { at: upTo(2) === 0 ? new Date(timeMs).toISOString() : `-${clock.now() - timeMs}ms` }
        : { resourceVersion: String(revision), resourceVersionMatch: 'Exact' };
      const what = `${JSON.stringify(options)}; ${replay}`;
      const oldestMs = states.find((one) => one.revision >= floor)?.timeMs ?? 0;
      const isGone = floor > 0 && (isByTime ? timeMs < oldestMs : revision < floor);
      const key = { namespace: pick(rooms), name: pick(['a', 'b', 'c', 'd', 'e', 'f']) };
      const namespace = pick([undefined, ...rooms]);
      const label = pick([undefined, 'x', 'z']);
      const limit = pick([undefined, 1, 2, 5]);
      if (isGone) {
        await refusalOf(admin.get(configmaps, key, options), 'Expired').catch((error: unknown) => {
          throw new Error(what, { cause: error });
        });
        return;
      }
      const wanted = state?.objects.get(`${key.namespace}/${key.name}`);
      const found = await admin.get(configmaps, key, options).then(
        (object) => JSON.stringify(object),
        (error: unknown) => (error as { reason?: string }).reason,
      );
      expect(found, what).to.equal(wanted ?? 'NotFound');
      const listed: string[] = [];
      let token: string | undefined;
      do {
        const page = await admin.list(configmaps, {
          ...(namespace === undefined ? {} : { namespace }),
          ...(label === undefined ? {} : { labelSelector: `value=${label}` }),
          ...(limit === undefined ? {} : { limit }),
          ...(token === undefined ? options : { continue: token }),
        });
        expect(page.items.length, what).to.be.at.most(limit ?? Infinity);
        listed.push(...page.items.map((object) => JSON.stringify(object)));
        token = page.metadata.continue;
        if (token !== undefined && upTo(3) === 0) await write();
      } while (token !== undefined);
      const all = [...(state?.objects ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
      const selected = all
        .map(([, json]) => JSON.parse(json) as DynamicObject)
        .filter((object) => namespace === undefined || object.metadata.namespace === namespace)
        .filter((object) => label === undefined || object.metadata.labels?.['value'] === label);
      expect(
        listed.map((json) => keyed(JSON.parse(json) as DynamicObject)),
        what,
      ).to.deep.equal(selected.map(keyed));
      expect(listed, what).to.deep.equal(selected.map((object) => JSON.stringify(object)));
    };

    for (let round = 0; round < 400; round++) {
      await write();
      if (upTo(2) === 0) clock.advance(upTo(3_000));
      if (upTo(100) === 0) {
        floor = states[upTo(states.length)]?.revision ?? 0;
        await store.compact(floor);
        floor = store.compactedRevision();
      }
      if (round % 4 === 0) await ask();
    }
    for (let round = 0; round < 200; round++) await ask();
  });
});
