/** Who may have which name, by the table. */
import { expect } from 'chai';
import { type NamedKind, planStatus } from '../../../../api/registry/kinds/naming.ts';
import type { KindNames, KindStatus } from '../../../../schemas/crd.ts';
import { definition, version } from './crontabs.ts';

const names: KindNames = {
  plural: 'crontabs',
  singular: 'crontab',
  kind: 'CronTab',
  listKind: 'CronTabList',
  shortNames: ['ct'],
};
const other = (taken: Partial<KindNames>, group = 'example.com'): NamedKind => ({ group, names: taken });
const wish = definition([version('v1')], names);

function told(others: readonly NamedKind[], status?: KindStatus, isReady = true): string[] {
  const { conditions = [] } = planStatus(
    { ...wish, ...(status === undefined ? {} : { status }) },
    others,
    isReady,
    0,
  );
  return conditions.map(
    ({ type, status: value, reason, message }) => `${type} ${value} ${reason}: ${message}`,
  );
}

const ACCEPTED = 'NamesAccepted True NoConflicts: no conflicts found';
const REFUSED = 'Established False NotAccepted: not all names are accepted';

describe('The names of a definition', () => {
  const rows: readonly (readonly [what: string, others: readonly NamedKind[], said: string])[] = [
    [
      'are taken by a plural',
      [other({ plural: 'crontabs' })],
      'NamesAccepted False PluralConflict: "crontabs" is already in use',
    ],
    [
      'are taken by a singular',
      [other({ singular: 'crontab' })],
      'NamesAccepted False SingularConflict: "crontab" is already in use',
    ],
    [
      'are taken by a short name',
      [other({ shortNames: ['ct', 'x'] })],
      'NamesAccepted False ShortNamesConflict: "ct" is already in use',
    ],
    [
      'are taken across plural and short names',
      [other({ shortNames: ['crontabs'] })],
      'NamesAccepted False PluralConflict: "crontabs" is already in use',
    ],
    [
      'are taken by a kind',
      [other({ kind: 'CronTab' })],
      'NamesAccepted False KindConflict: "CronTab" is already in use',
    ],
    [
      'are taken by a list kind',
      [other({ kind: 'CronTabList' })],
      'NamesAccepted False ListKindConflict: "CronTabList" is already in use',
    ],
  ];
  for (const [what, others, said] of rows) {
    it(what, () => expect(told(others)).to.deep.equal([REFUSED, said]));
  }

  it('are free when only another group has them', () => {
    expect(told([other(names, 'example.org')])).to.deep.equal([
      'Established True InitialNamesAccepted: the initial names have been accepted',
      ACCEPTED,
    ]);
  });

  it('are accepted before the kind is established: until it can be served', () => {
    expect(told([], undefined, false)).to.deep.equal([
      'Established False Installing: the initial names have been accepted',
      ACCEPTED,
    ]);
  });

  it('stay as they were where a new one is taken, and the kind stays established', () => {
    const first = planStatus(wish, [], true, 0);
    const changed = {
      ...wish,
      status: first,
      spec: { ...wish.spec, names: { ...names, shortNames: ['cr'], listKind: 'Tabs' } },
    };
    const next = planStatus(changed, [other({ shortNames: ['cr'] })], true, 5);
    expect(next.acceptedNames).to.deep.equal({ ...names, listKind: 'Tabs' });
    expect(next.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`)).to.deep.equal([
      'Established True InitialNamesAccepted',
      'NamesAccepted False ShortNamesConflict',
    ]);
  });

  it('settle: a status that is right is not written again', () => {
    const first = planStatus(wish, [], true, 0);
    expect(planStatus({ ...wish, status: first }, [], true, 99)).to.equal(first);
  });
});
