/** `kubectl get rolebindings` and `clusterrolebindings`: the role with its kind, and who has it. Source: kubectl's printers. */
import { roleRefOf, subjectsIn } from '../registry/access/policy.ts';
import { age, NAME_COLUMN, type TablePrinter, textColumn } from './view.ts';

export const bindingTable: TablePrinter = {
  columns: [
    NAME_COLUMN,
    textColumn('Role', 'The role that is granted.'),
    textColumn('Age', 'Time since it was created.'),
    textColumn('Users', 'The users that have it.', 1),
    textColumn('Groups', 'The groups that have it.', 1),
    textColumn('ServiceAccounts', 'The service accounts that have it.', 1),
  ],
  cells(object, nowMs) {
    const { kind, name } = roleRefOf(object);
    const subjects = subjectsIn(object);
    const named = (wanted: string): string =>
      subjects
        .filter((subject) => subject.kind === wanted)
        .map((subject) => subject.name)
        .join(', ');
    const accounts = subjects
      .filter((subject) => subject.kind === 'ServiceAccount')
      .map((subject) => `${subject.namespace ?? ''}/${subject.name}`);
    return [
      object.metadata.name,
      `${kind}/${name}`,
      age(object.metadata.creationTimestamp, nowMs),
      named('User'),
      named('Group'),
      accounts.join(', '),
    ];
  },
};
