/** The answer to why, for people: what it is and why, then the timeline. Pure. */
import { humanDuration } from '../machinery/duration.ts';
import type { WhyAnswer, WhyEntry } from '../machinery/why.ts';
import { printable } from './printable.ts';
import { formatRows } from './table.ts';

const LABEL_WIDTH = 10;

/** @param limit of the newest entries; 0: all. */
export function whyText(answer: WhyAnswer, limit: number): string {
  const { subject, state, reason, summary, causes, next, needs, unknown, timeline } = answer;
  const where = subject.namespace === undefined ? '' : ` in namespace ${subject.namespace}`;
  const word = reason === undefined || reason === state ? state : `${state}, ${reason}`;
  const shown = limit === 0 ? timeline : timeline.slice(-limit);
  const hidden = timeline.length - shown.length;
  return [
    `${oneLine(`${subject.kind.toLowerCase()}/${subject.name}${where}: ${word}`)}\n\n`,
    section('Because', [summary, ...causes]),
    section(
      'Next',
      next.map(({ at, message }) =>
        at === undefined ? message : `${at} (${distance(at, answer.at)}): ${message}`,
      ),
    ),
    section('Needs', needs),
    workersText(answer),
    timeline.length === 0
      ? ''
      : `\nTimeline${hidden > 0 ? `, ${hidden} older entries with --limit 0` : ''}\n`,
    entriesText(shown),
    unknown.length === 0 ? '' : `\n${section('Not known', unknown)}`,
  ].join('');
}

function section(label: string, lines: readonly string[]): string {
  return lines
    .map((line, at) => `${(at === 0 ? `${label}:` : '').padEnd(LABEL_WIDTH)} ${oneLine(line)}\n`)
    .join('');
}

function workersText({ placement }: WhyAnswer): string {
  if (placement.length === 0) return '';
  const rows = placement.map(({ worker, verdict, detail = '' }) => [
    `  ${oneLine(worker)}`,
    oneLine(verdict),
    oneLine(detail),
  ]);
  return `\nWorkers, as they were last judged\n${formatRows(rows)}`;
}

function entriesText(entries: readonly WhyEntry[]): string {
  const rows = entries.map((entry) => [
    `  ${oneLine(entry.at)}`,
    entry.topic,
    oneLine(whoOf(entry)),
    oneLine(wordsOf(entry)),
  ]);
  const lines = formatRows(rows).split('\n');
  return entries
    .map((entry, at) => {
      const quoted = (entry.lastLines ?? []).map((line) => `      | ${printable(line)}\n`).join('');
      const others = (entry.changedFields ?? []).length;
      const fields = others > 0 && entry.topic === 'spec' ? fieldsText(entry) : '';
      return `${lines[at] ?? ''}\n${fields}${quoted}`;
    })
    .join('');
}

function fieldsText({ changedFields = [] }: WhyEntry): string {
  return changedFields.map(({ path, operation }) => `      ${operation} ${printable(path)}\n`).join('');
}

function whoOf({ by, manager }: WhyEntry): string {
  if (by === undefined) return '-';
  return manager === undefined || by.includes(manager) ? by : `${by} (${manager})`;
}

/** Topics whose messages say their reason. */
const SAID_IN_WORDS = new Set(['status', 'condition', 'run', 'ended']);

function wordsOf({ reason, message, count, since, topic }: WhyEntry): string {
  const told = reason === undefined || SAID_IN_WORDS.has(topic) || message.startsWith(reason);
  const times = count === undefined ? '' : ` (${count} times${since === undefined ? '' : ` since ${since}`})`;
  return `${told ? '' : `${reason}: `}${message}${times}`;
}

/** `in 5s`, `12s ago`. */
function distance(at: string, now: string): string {
  const ms = Date.parse(at) - Date.parse(now);
  return ms >= 0 ? `in ${humanDuration(ms)}` : `${humanDuration(-ms)} ago`;
}

function oneLine(text: string): string {
  return printable(text.replaceAll(/\s+/g, ' ').trim());
}
