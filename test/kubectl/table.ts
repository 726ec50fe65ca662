/**
 * The form of the command table (`rows/`): every kubectl command, and what it does here. A row runs the command as its
 * user would and looks at what it printed; where kubectl itself cannot do a thing for kinds it does not know, the row
 * states its message. Rows of one group build on each other in their order.
 */
import type { Session } from './session.ts';

export interface Row {
  readonly name: string;
  /** The first minor version of kubectl that has the command; absent: all have it. */
  readonly from?: number;
  run(kubectl: Session): Promise<void>;
}

export interface Group {
  readonly name: string;
  readonly rows: readonly Row[];
}
