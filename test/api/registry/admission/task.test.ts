/** What of a Task's spec no schema can say. */
import { expect } from 'chai';
import { taskRules } from '../../../../api/registry/admission/rules/task.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';

const mounting = (...paths: readonly string[]): DynamicObject => ({
  apiVersion: 'gantry.dev/v1',
  kind: 'Task',
  metadata: { name: 't' },
  spec: { image: 'x', volumeMounts: paths.map((mountPath) => ({ name: 'v', mountPath })) },
});
const said = (task: DynamicObject): string[] =>
  (taskRules.onCreate?.(task) ?? []).map(({ field, message }) => `${field}: ${message}`);

describe('Mounts', () => {
  for (const [paths, problem] of [
    [['/a', '/b', '/a/b'], undefined],
    [['/a/', '/ab'], undefined],
    [['/a', '/a/'], 'spec.volumeMounts[1].mountPath: Duplicate value: "/a/"'],
    [['/a/b', '/x', '/a//./b/.'], 'spec.volumeMounts[2].mountPath: Duplicate value: "/a//./b/."'],
    [['//'], 'spec.volumeMounts[0].mountPath: Invalid value: "//": must be a path below /'],
    [['/a/../b'], 'spec.volumeMounts[0].mountPath: Invalid value: "/a/../b": must not contain \'..\''],
    // The schema says these.
    [['/a', '/a'], undefined],
    [['a'], undefined],
  ] as const) {
    it(`at ${paths.join(' and ')} are ${problem === undefined ? 'taken' : 'refused'}`, () =>
      expect(said(mounting(...paths))).to.deep.equal(problem === undefined ? [] : [problem]));
  }

  it('that were there before need not be put right', () => {
    const before = mounting('/a', '/a/');
    expect(taskRules.onUpdate?.(mounting('/a', '/a/'), before, undefined)).to.deep.equal([]);
    expect(taskRules.onUpdate?.(mounting('/a', '/a/', '/b'), before, undefined)).to.have.length(1);
  });
});
