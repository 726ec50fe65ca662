/** `kubectl get controllerrevisions`: whose revision it is. Source: kubectl's printer for controller revisions. */
import { age, NAME_COLUMN, type TablePrinter, textColumn } from './view.ts';

export const controllerRevisionTable: TablePrinter = {
  columns: [
    NAME_COLUMN,
    textColumn('Controller', 'The object whose template it keeps.'),
    textColumn('Revision', 'Its place in the history.'),
    textColumn('Age', 'Time since it was created.'),
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
