/** The parts queries and links are made of. `$…` is Grafana's, which fills it in. */
import type { Link, Query } from './panel.ts';

/** The window of a rate: at least four scrapes, at least what one point of the graph stands for. */
const WINDOW = '[$__rate_interval]';
/**
 * Of Prometheus' own jobs for Gantry: names that Gantry has from Kubernetes, controller-runtime and cAdvisor are those of other
 * programs, too, which the same Prometheus may scrape.
 */
const JOB = 'job="gantry"';
const JOB_OF_CONTAINERS = 'job="gantry-containers"';

const SELECTORS = {
  task: 'namespace=~"$namespace", task=~"$task"',
  namespace: 'namespace=~"$namespace"',
  worker: 'worker=~"$worker"',
  job: 'namespace=~"$namespace", job=~"$job"',
} as const;

/**
 * A state metric once, however many servers are scraped: each tells the same of the same objects.
 * @param selector which variables narrow it, or nothing.
 * @param more other label matchers.
 */
export function state(metric: string, selector?: keyof typeof SELECTORS, more?: string): string {
  const matchers = [
    ...(selector === undefined ? [] : [SELECTORS[selector]]),
    ...(more === undefined ? [] : [more]),
  ];
  const braces = matchers.length === 0 ? '' : `{${matchers.join(', ')}}`;
  return `max without (instance) (${metric}${braces})`;
}

/** A metric of the containers of Tasks: their names are cAdvisor's, where a Task is a pod. */
export function ofContainers(metric: string, more?: string): string {
  const matchers = [
    JOB_OF_CONTAINERS,
    'namespace=~"$namespace"',
    'pod=~"$task"',
    ...(more === undefined ? [] : [more]),
  ];
  return `${metric}{${matchers.join(', ')}}`;
}

/** A metric of the containers of the workers that the variable names, or of their machines. */
export function ofWorkers(metric: string): string {
  return `${metric}{${JOB_OF_CONTAINERS}, worker=~"$worker"}`;
}

/** A metric of all processes. */
export function ofAll(metric: string): string {
  return `${metric}{${JOB}}`;
}

/** A metric of the servers that the variable names. */
export function ofServers(metric: string, more?: string): string {
  return `${metric}{${JOB}, instance=~"$server"${more === undefined ? '' : `, ${more}`}}`;
}

/** How much a second. */
export const rate = (series: string): string => `rate(${series}${WINDOW})`;
export const rateOfAll = (metric: string): string => rate(ofAll(metric));
export const rateOfServers = (metric: string, more?: string): string => rate(ofServers(metric, more));

/** The time that this share of them stayed under, of a histogram, by labels. */
export function quantile(share: number, histogram: string, by: readonly string[] = []): string {
  return ofBuckets(share, rate(ofAll(`${histogram}_bucket`)), by);
}

export function quantileOfServers(share: number, histogram: string, by: readonly string[] = []): string {
  return ofBuckets(share, rateOfServers(`${histogram}_bucket`), by);
}

/** Half of them, and 99 of 100. */
export const sharesOfServers = (histogram: string): readonly Query[] =>
  [0.5, 0.99].map((share) => ({
    expr: quantileOfServers(share, histogram),
    legend: `${share * 100} %`,
  }));

function ofBuckets(share: number, buckets: string, by: readonly string[]): string {
  return `histogram_quantile(${share}, sum by (${[...by, 'le'].join(', ')}) (${buckets}))`;
}

const braced = (name: string): string => `$\{${name}}`;
const field = (name: string): string => braced(`__data.fields.${name}`);
const period = braced('__url_time_range');
const source = braced('datasource:queryparam');

/** Links of a row of a table, which has the labels that name its object. */
export const taskLinks: readonly Link[] = [
  {
    title: 'This Task',
    url: `/d/gantry-tasks?${source}&var-namespace=${field('namespace')}&var-task=${field('task')}&${period}`,
  },
  ...['log?tailLines=500', 'why', 'history'].map((leaf) => objectLink('task', leaf)),
];
export const tasksetLinks: readonly Link[] = ['why', 'history'].map((leaf) => objectLink('taskset', leaf));
export const runLinks: readonly Link[] = ['why', 'history'].map((leaf) => objectLink('run', leaf));
export const workerLinks: readonly Link[] = [
  {
    title: 'This Worker',
    url: `/d/gantry-workers?${source}&var-worker=${field('worker')}&${period}`,
  },
  {
    title: 'why',
    url: `${braced('gantry')}/apis/gantry.dev/v1/workers/${field('worker')}/why`,
  },
];

function objectLink(label: 'task' | 'taskset' | 'run', leaf: string): Link {
  return {
    title: leaf.split('?')[0] ?? leaf,
    url: `${braced('gantry')}/apis/gantry.dev/v1/namespaces/${field('namespace')}/${label}s/${field(label)}/${leaf}`,
  };
}

/** A link of a number or a line to another dashboard, with the time that is looked at. */
export const toDashboard = (title: string, uid: string): Link => ({
  title,
  url: `/d/${uid}?${source}&${period}`,
});
