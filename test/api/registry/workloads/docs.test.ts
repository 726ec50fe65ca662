/** What docs/dispatch.md shows is taken, as it stands there, and answers what is said there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { load } from 'js-yaml';
import { isDynamicObject } from '../../../../machinery/json.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { adminIdentity, openWorld } from '../../../world.ts';

const text = readFileSync(join(import.meta.dirname, '../../../../docs/dispatch.md'), 'utf8');

function shown(): readonly DynamicObject[] {
  const manifests = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = '']) => load(yaml));
  // The body that curl sends.
  const bodies = [...text.matchAll(/-d '(.*)'/g)].map(([, json = '']): unknown => JSON.parse(json));
  const named = [...manifests, ...bodies].map((manifest) => {
    const object: unknown = structuredClone(manifest);
    if (typeof object !== 'object' || object === null) throw new Error('a block is no manifest');
    return object;
  });
  return named.map((object) => ({ metadata: { name: '' }, ...object })).map(asObject);
}

function asObject(object: { readonly metadata: object }): DynamicObject {
  const whole: unknown = { ...object, metadata: { name: '', ...object.metadata } };
  if (!isDynamicObject(whole)) throw new Error('a block is no object');
  return whole;
}

describe('docs/dispatch.md', () => {
  it('shows a template and two ways to dispatch it, one of them with a key', async () => {
    const world = await openWorld();
    const codes: number[] = [];
    const objects = shown();
    for (const object of [...objects, ...objects.filter(({ kind }) => kind === 'Run')]) {
      const kind = world.registry.kinds().find((served) => served.kind === object.kind);
      if (kind === undefined) return expect.fail(`there is no kind ${object.kind}`);
      const { isCreated, warnings } = await world.registry.create({ identity: adminIdentity }, kind, object, {
        namespace: 'default',
        fieldValidation: 'Strict',
      });
      expect(warnings).to.deep.equal([]);
      codes.push(isCreated ? 201 : 200);
    }
    // The one with the key is answered the second time.
    expect(codes).to.deep.equal([201, 201, 201, 200, 201]);
    await world.close();
  });
});
