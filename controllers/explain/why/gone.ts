/** Why an object is not there any more. Pure. */
import { NAMESPACE_DEFAULT } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { WhyEntry, WhyFacts } from '../../../machinery/why.ts';
import type { Findings } from './findings.ts';
import { conditionsOf, said, statusOf, textOf } from './readings.ts';
import { taskWords } from './task.ts';

/** Events that say why somebody deleted it. */
const REASONS = new Set(['Deleted', 'TTLExpired', 'GarbageCollected', 'NamespaceEmptied']);
/** Of Tasks: these make others in their place, and no undo brings one back. */
const MAKERS = new Set(['TaskSet', 'Run']);
const DELETION_ASKED = 'its deletion was asked for';

export function goneFindings(facts: WhyFacts, timeline: readonly WhyEntry[]): Findings {
  const last = lastSeen(facts);
  const uid = last?.metadata.uid ?? timeline.at(-1)?.uid;
  const own = timeline.filter((entry) => uid === undefined || entry.uid === uid);
  const end = own.findLast(({ topic, source }) => topic === 'deleted' && source === 'history');
  const asked = own.find(({ topic, message }) => topic === 'deleted' && message.startsWith(DELETION_ASKED));
  const why = own.findLast(({ reason }) => REASONS.has(reason ?? ''));
  const who = asked?.by ?? end?.by;
  const whom = who === undefined ? '' : ` by ${who}`;
  const { kind, name } = facts.subject;
  const called = `${kind.toLowerCase()}/${name}`;
  const summary =
    end === undefined
      ? `${called} is not there; when and by whom it was deleted is not in the history that is kept`
      : `${called} was deleted at ${(asked ?? end).at}${whom}${why === undefined ? '' : ` (${said(why.reason, why.message)})`}`;
  return {
    state: 'Deleted',
    ...(why?.reason === undefined ? {} : { reason: why.reason }),
    summary,
    causes: lastWords(last).map((words) => `as it was last seen: ${words}`),
    next: [],
    needs: [neededFor(called, facts.subject.namespace, last)],
    placement: [],
  };
}

function neededFor(called: string, namespace: string | undefined, last: DynamicObject | undefined): string {
  if (last === undefined) return 'the object created again';
  const maker = last.metadata.ownerReferences?.find(
    ({ controller, kind }) => controller === true && MAKERS.has(kind),
  );
  if (last.kind === 'Task' && maker !== undefined) {
    return `nothing of the task itself: ${maker.kind.toLowerCase()}/${maker.name} made it, and makes its tasks itself`;
  }
  const where = namespace === undefined || namespace === NAMESPACE_DEFAULT ? '' : ` -n ${namespace}`;
  return `the object created again: \`gantry undo ${called}${where}\` brings it back as it was`;
}

function lastSeen({ versions }: WhyFacts): DynamicObject | undefined {
  return versions[0]?.object;
}

/** What its status said; nothing of what has none. */
function lastWords(object: DynamicObject | undefined): readonly string[] {
  if (object === undefined) return [];
  if (object.kind === 'Task') return [taskWords(object)];
  const status = statusOf(object);
  const place = textOf(status['phase']) ?? textOf(status['state']);
  const words = said(textOf(status['reason']), textOf(status['message']));
  const all = [place, words].filter((part) => part !== undefined && part !== '').join(': ');
  if (all !== '') return [all];
  return conditionsOf(object).map(
    ({ type, status: is, reason, message }) => `${type} is ${is}: ${said(reason, message)}`,
  );
}
