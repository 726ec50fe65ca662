/** When a container has taken too much of the disk: the name is the rule, the row is the world. */
import { expect } from 'chai';
import { type DiskUsage, diskLimitsOf, overuseOf } from '../../../agent/disk/overuse.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';

const MIB = 2 ** 20;
const limited = newTask('t', { resources: { limits: { 'ephemeral-storage': '10Mi' } } });
const sized = newTask('t', { volumes: [{ name: 'scratch', emptyDir: { sizeLimit: '4Mi' } }] });
const usage = (figures: Partial<DiskUsage>): DiskUsage => ({
  writableBytes: 0,
  logBytes: 0,
  directories: [],
  ...figures,
});
const scratch = (bytes: number, sizeLimit?: number): DiskUsage['directories'] => [
  { volume: 'scratch', bytes, ...(sizeLimit === undefined ? {} : { sizeLimit }) },
];

const ROWS: readonly (readonly [name: string, task: Task, found: DiskUsage, why: string | undefined])[] = [
  ['nothing taken', limited, usage({}), undefined],
  ['exactly what is allowed', limited, usage({ writableBytes: 10 * MIB }), undefined],
  [
    'one byte more in its own layer',
    limited,
    usage({ writableBytes: 10 * MIB + 1 }),
    `the container takes 10Mi of the worker's disk (10Mi in its own layer, 0Ki in emptyDirs, 0Ki of log) and exceeds its ephemeral-storage limit 10Mi`,
  ],
  [
    'layer, log and emptyDirs together',
    limited,
    usage({ writableBytes: 4 * MIB, logBytes: 3 * MIB, directories: scratch(4 * MIB) }),
    `the container takes 11Mi of the worker's disk (4Mi in its own layer, 4Mi in emptyDirs, 3Mi of log) and exceeds its ephemeral-storage limit 10Mi`,
  ],
  ['an emptyDir within its size', sized, usage({ directories: scratch(4 * MIB, 4 * MIB) }), undefined],
  [
    'an emptyDir beyond its size',
    sized,
    usage({ directories: scratch(5.5 * MIB, 4 * MIB) }),
    'usage of emptyDir volume "scratch", 5.5Mi, exceeds its sizeLimit 4Mi',
  ],
  ['much, without a limit for everything', sized, usage({ writableBytes: 1_000 * MIB }), undefined],
];

describe('Overuse of the disk', () => {
  for (const [name, task, found, why] of ROWS) {
    it(name, () => {
      const limits = diskLimitsOf(task);
      if (limits === undefined) throw new Error('the task has no limits');
      expect(overuseOf(limits, found)).to.equal(why);
    });
  }

  it('a Task without limits is not measured, nor one whose only size is of memory', () => {
    expect(diskLimitsOf(newTask('t', { volumes: [{ name: 'a', emptyDir: {} }] }))).to.equal(undefined);
    const inMemory = { emptyDir: { medium: 'Memory' as const, sizeLimit: '1Mi' } };
    expect(diskLimitsOf(newTask('t', { volumes: [{ name: 'a', ...inMemory }] }))).to.equal(undefined);
  });
});
