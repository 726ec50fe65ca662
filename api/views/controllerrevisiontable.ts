/** `kubectl get controllerrevisions`: whose revision it is. Source: kubectl's printer for controller revisions. */
import { age, NAME_COLUMN, type TableColumn, type TablePrinter } from './view.ts';

const column = (name: string, description: string): TableColumn => ({
  name,
  type: 'string',
  format: '',
  description,
  priority: 0,
});

export const controllerRevisionTable: TablePrinter = {
  columns: [
    NAME_COLUMN,
    column('Controller', 'The object whose template it keeps.'),
    column('Revision', 'Its place in the history.'),
    column('Age', 'Time since it was created.'),
  ],
  cells({ metadata, revision }, nowMs) {
    const owner = metadata.ownerReferences?.find((reference) => reference.controller === true);
    return [
      metadata.name,
      owner === undefined ? '<none>' : `${resourceOf(owner)}/${owner.name}`,
      typeof revision === 'number' ? revision : 0,
      age(metadata.creationTimestamp, nowMs),
    ];
  },
};

/** `taskset.gantry.dev`, as kubectl names a kind. */
function resourceOf({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): string {
  const slash = apiVersion.indexOf('/');
  return `${kind.toLowerCase()}${slash < 0 ? '' : `.${apiVersion.slice(0, slash)}`}`;
}
