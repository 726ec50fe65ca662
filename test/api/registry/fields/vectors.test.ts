/** Every recorded operation of structured-merge-diff's own tests, replayed. See vectors/README.md. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type FieldSet, printPath, sortedSet } from '../../../../api/registry/fields/fieldset.ts';
import {
  afterUpdate,
  applyWish,
  type Conflict,
  type Owners,
  type Ownership,
} from '../../../../api/registry/fields/ownership.ts';
import { readSmdSchema, type SmdSchema } from './smdschema.ts';

interface Vector {
  readonly test: string;
  readonly schema: string;
  readonly op: 'apply' | 'update';
  readonly manager: string;
  readonly force: boolean;
  readonly obj: unknown;
  readonly liveBefore: unknown;
  readonly liveAfter: unknown;
  readonly managersBefore: Managers;
  readonly managersAfter: Managers;
  readonly conflicts?: readonly { readonly manager: string; readonly path: string }[];
}

type Managers = Readonly<
  Record<string, { readonly applied: boolean; readonly set: FieldSet; readonly version: string }>
>;

/**
 * A list that is only in another order: v4.2.3 kept the live order, versions since 4.4 take the applier's, and so do we.
 */
const REORDERED = JSON.stringify(['a', 'b', 'c', 'd']);

const read = (name: string): string => readFileSync(new URL(`vectors/${name}`, import.meta.url), 'utf8');
const schemas = JSON.parse(read('schemas.json')) as Readonly<Record<string, SmdSchema>>;
const vectors = read('vectors.jsonl')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Vector);

describe('recorded operations of structured-merge-diff', () => {
  it('are all here', () => expect(vectors).to.have.length(59));

  for (const [index, vector] of vectors.entries()) {
    it(`${index + 1}: ${vector.test}, ${vector.op} by ${vector.manager}${vector.force ? ', forced' : ''}`, () => {
      const managers = { ...vector.managersBefore, ...vector.managersAfter };
      const version = Object.values(managers)[0]?.version ?? 'v1';
      const schema = schemas[vector.schema];
      if (schema === undefined) throw new Error(`no schema ${vector.schema}`);
      const shape = readSmdSchema(schema, version);
      const writer = { id: vector.manager, version };
      const before = vector.liveBefore ?? {};
      const owners = ownersOf(vector.managersBefore);

      if (vector.op === 'update') {
        const updated = afterUpdate(() => shape, before, vector.obj ?? {}, owners, writer);
        expect(shown(updated.owners)).to.deep.equal(shown(ownersOf(vector.managersAfter)));
        return;
      }
      const applied = applyWish(() => shape, before, vector.obj ?? {}, owners, writer);
      const wanted = (vector.conflicts ?? []).map(({ manager, path }) => `${manager} ${path}`);
      if (!vector.force) expect(applied.conflicts.map(conflictText)).to.deep.equal(wanted);
      if (wanted.length > 0) return;
      const isReordered =
        vector.test === 'TestUpdateSet' &&
        JSON.stringify(vector.liveBefore) === '{"list":["a","d","c","b"]}' &&
        JSON.stringify(vector.obj) === `{"list":${REORDERED}}`;
      expect(applied.value ?? {}).to.deep.equal(isReordered ? vector.obj : (vector.liveAfter ?? {}));
      expect(shown(applied.owners)).to.deep.equal(shown(ownersOf(vector.managersAfter)));
    });
  }
});

function ownersOf(managers: Managers): Owners {
  return new Map(
    Object.entries(managers).map(([id, { set, version, applied }]): [string, Ownership] => [
      id,
      { set, version, isApplied: applied },
    ]),
  );
}

function shown(owners: Owners): Record<string, Ownership> {
  return Object.fromEntries(
    [...owners].map(([id, ownership]) => [id, { ...ownership, set: sortedSet(ownership.set) }]),
  );
}

function conflictText({ owner, path }: Conflict): string {
  return `${owner} ${printPath(path)}`;
}
