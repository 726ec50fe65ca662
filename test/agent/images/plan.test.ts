/** Which images go when the disk is full: each row is an engine, and what becomes of one image of it. */
import { expect } from 'chai';
import {
  type ImageMarks,
  type ImageWorld,
  type PulledRecord,
  planImages,
} from '../../../agent/images/plan.ts';
import { seededRandom } from '../../../machinery/random.ts';
import type { ImageSummary } from '../../../machinery/runtime.ts';

const NOW = Date.UTC(2026, 0, 2);
const HOUR = 3_600_000;
const MARKS: ImageMarks = { highPercent: 85, lowPercent: 80, minAgeMs: 120_000 };
const id = (letter: string): string => `sha256:${letter.repeat(64)}`;
const image = (letter: string, ...references: string[]): ImageSummary => ({
  id: id(letter),
  references,
  bytes: 2,
  createdAtMs: 0,
});
const record = (letter: string, references: readonly string[], usedHoursAgo = 5): PulledRecord => ({
  id: id(letter),
  references,
  pulledAtMs: NOW - 100 * HOUR,
  lastUsedMs: NOW - usedHoursAgo * HOUR,
});
const digest = `sha256:${'d'.repeat(64)}`;
const world = (change: Partial<ImageWorld> = {}): ImageWorld => ({
  disk: { usedBytes: 90, totalBytes: 100 },
  images: [image('a', 'r.example/app:1', `r.example/app@${digest}`)],
  usedIds: new Set(),
  wanted: [],
  records: [record('a', ['r.example/app:1'])],
  nowMs: NOW,
  ...change,
});

describe('images on a disk that is full', () => {
  const rows: readonly { name: string; change?: Partial<ImageWorld>; kept?: string; goes: boolean }[] = [
    { name: 'goes when nobody uses it', goes: true },
    { name: 'stays below the high mark', change: { disk: { usedBytes: 84, totalBytes: 100 } }, goes: false },
    {
      name: 'goes at the high mark itself',
      change: { disk: { usedBytes: 85, totalBytes: 100 } },
      goes: true,
    },
    {
      name: 'stays when a container uses it, whoever’s that is',
      change: { usedIds: new Set([id('a')]) },
      goes: false,
      kept: 'InUse',
    },
    {
      name: 'stays when a Task names it',
      change: { wanted: ['r.example/app:1'] },
      goes: false,
      kept: 'NamedByTask',
    },
    {
      name: 'stays when a Task names it by its digest',
      change: { wanted: [`r.example/app:7@${digest}`] },
      goes: false,
      kept: 'NamedByTask',
    },
    {
      name: 'stays when a Task names it by its id',
      change: { wanted: [id('a')] },
      goes: false,
      kept: 'NamedByTask',
    },
    {
      name: 'stays when a Task names it by the beginning of its id',
      change: { wanted: ['aaaaaaaaaaaa'] },
      goes: false,
      kept: 'NamedByTask',
    },
    {
      name: 'goes when a Task names another of the same repository',
      change: { wanted: ['r.example/app:2'] },
      goes: true,
    },
    {
      name: 'stays when a Task names it in other words',
      change: {
        images: [image('a', 'busybox:latest')],
        records: [record('a', ['busybox'])],
        wanted: ['docker.io/library/busybox'],
      },
      goes: false,
      kept: 'NamedByTask',
    },
    {
      name: 'stays while it is young',
      change: { records: [{ ...record('a', ['r.example/app:1']), pulledAtMs: NOW - 60_000 }] },
      goes: false,
      kept: 'Young',
    },
    {
      name: 'stays when the clock was put back',
      change: { nowMs: NOW - 1_000 * HOUR },
      goes: false,
      kept: 'Young',
    },
    { name: 'stays when the worker did not pull it', change: { records: [] }, goes: false },
    {
      name: 'stays when somebody gave it a name of his own',
      change: { images: [image('a', 'r.example/app:1', 'mine:1')] },
      goes: false,
      kept: 'ForeignName',
    },
    {
      name: 'stays when somebody pulled it under another tag too',
      change: { images: [image('a', 'r.example/app:1', 'r.example/app:stable')] },
      goes: false,
      kept: 'ForeignName',
    },
    {
      name: 'goes under every name that the worker pulled',
      change: {
        images: [image('a', 'r.example/app:1', 'other:2')],
        records: [record('a', ['r.example/app:1', 'other:2'])],
      },
      goes: true,
    },
    { name: 'goes when its name has gone to another', change: { images: [image('a')] }, goes: true },
  ];
  for (const { name, change, goes, kept } of rows) {
    it(`one ${name}`, () => {
      const plan = planImages(world(change), MARKS);
      expect(plan.removals.map((removal) => removal.id)).to.deep.equal(goes ? [id('a')] : []);
      expect(plan.kept).to.deep.equal(kept === undefined ? [] : [{ id: id('a'), reason: kept }]);
    });
  }

  it('are none that go with a high mark of 0', () => {
    expect(planImages(world({ disk: { usedBytes: 100, totalBytes: 100 } }), { ...MARKS, highPercent: 0 }))
      .to.include({ bytesToFree: 0 })
      .and.to.have.deep.property('removals', []);
  });

  it('go in the order of their last use, for as much as the low mark says', () => {
    const letters = ['a', 'b', 'c'];
    const plan = planImages(
      world({
        images: letters.map((letter) => image(letter, `r.example/${letter}:1`)),
        records: [
          record('a', ['r.example/a:1'], 3),
          record('b', ['r.example/b:1'], 9),
          record('c', ['r.example/c:1'], 6),
        ],
      }),
      MARKS,
    );
    expect(plan.bytesToFree).to.equal(10);
    expect(plan.removals.map((removal) => removal.id)).to.deep.equal([id('b'), id('c'), id('a')]);
  });

  it('never are one that is used, named, young or somebody else’s, whatever the engine has', () => {
    const seed = Number(process.env['GANTRY_TEST_SEED'] ?? 1);
    const random = seededRandom(seed);
    const chance = (share: number): boolean => random.next() < share;
    for (let round = 0; round < 500; round++) {
      const letters = '0123456789abcdef'.split('').filter(() => chance(0.6));
      const images = letters.map((letter) =>
        image(
          letter,
          ...[`r.example/${letter}:1`, `mine/${letter}:1`].filter((_, index) =>
            chance(index === 0 ? 0.8 : 0.2),
          ),
        ),
      );
      const records = letters
        .filter(() => chance(0.7))
        .map((letter) => ({
          ...record(letter, [`r.example/${letter}:1`], random.next() * 50),
          pulledAtMs: chance(0.2) ? NOW - 1_000 : NOW - 99 * HOUR,
        }));
      const usedIds = new Set(letters.filter(() => chance(0.3)).map(id));
      const wanted = letters.filter(() => chance(0.3)).map((letter) => `r.example/${letter}:1`);
      const plan = planImages(world({ images, records, usedIds, wanted }), MARKS);
      const hint = `replay with GANTRY_TEST_SEED=${seed} npx mocha test/agent/images/plan.test.ts (round ${round})`;
      for (const removal of plan.removals) {
        const own = records.find((known) => known.id === removal.id);
        expect(usedIds.has(removal.id), hint).to.equal(false);
        expect(
          removal.references.some((reference) => wanted.includes(reference)),
          hint,
        ).to.equal(false);
        expect(
          removal.references.some((reference) => reference.startsWith('mine/')),
          hint,
        ).to.equal(false);
        expect(own !== undefined && NOW - own.pulledAtMs >= MARKS.minAgeMs, hint).to.equal(true);
      }
      const accounted = plan.removals.length + plan.kept.length;
      expect(accounted, hint).to.equal(records.length);
      const uses = plan.removals.map(({ lastUsedMs }) => lastUsedMs);
      expect(uses, hint).to.deep.equal(uses.toSorted((a, b) => a - b));
    }
  });
});
