/** Why a Task is where it is. Pure: its status, what it depends on, and what was recorded of workers. */
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { WhyEntry, WhyFacts, WhyNext, WorkerVerdict } from '../../../machinery/why.ts';
import { endWords } from './ends.ts';
import { type Findings, unique, withDeletion } from './findings.ts';
import { needOf, verdictsInMessage } from './placement.ts';
import {
  called,
  conditionOf,
  numberOf,
  recordsOf,
  said,
  specOf,
  statusOf,
  textOf,
  timeMsOf,
} from './readings.ts';

export function taskFindings(task: DynamicObject, facts: WhyFacts, timeline: readonly WhyEntry[]): Findings {
  const found = findingsOf(task, facts, timeline);
  return withDeletion(task, found);
}

/** A Task in a few words, for what waits for it. */
export function taskWords(task: DynamicObject): string {
  const status = statusOf(task);
  const phase = textOf(status['phase']) ?? 'Pending';
  const words = said(textOf(status['reason']), textOf(status['message']));
  const ready = conditionOf(task, 'Ready');
  if (words !== '') return `${called(task)} is ${phase}: ${words}`;
  if (phase === 'Running' && ready?.status === 'False')
    return `${called(task)} is Running and not Ready: ${said(ready.reason, ready.message)}`;
  return `${called(task)} is ${phase}`;
}

function findingsOf(task: DynamicObject, facts: WhyFacts, timeline: readonly WhyEntry[]): Findings {
  const status = statusOf(task);
  const phase = textOf(status['phase']) ?? 'Pending';
  const reason = textOf(status['reason']);
  const message = textOf(status['message']) ?? '';
  const base = {
    state: phase,
    ...(reason === undefined ? {} : { reason }),
    placement: placementOf(task, timeline),
  };
  switch (phase) {
    case 'Running':
      return { ...base, ...onWorker(running(task), task, facts) };
    case 'Succeeded':
    case 'Failed':
      return { ...base, ...ended(task, phase, reason, message) };
    case 'Stopped':
      return {
        ...base,
        summary: `it is stopped: ${message === '' ? 'nothing more is recorded' : message}`,
        causes: lastEnd(task),
        next: [],
        needs: ['spec.desiredState Running'],
      };
    case 'Unknown':
      return {
        ...base,
        summary: `whether it runs is not known: ${said(reason, message)}`,
        causes: workerWords(facts),
        next: [
          {
            message:
              'when its worker reports again, what it says counts; until then the task stays bound to it',
          },
        ],
        needs: [`worker ${workerOf(task) ?? '(none recorded)'} Ready again`],
      };
    default:
      return { ...base, ...onWorker(waiting(task, facts, reason, message, base.placement), task, facts) };
  }
}

type Said = Pick<Findings, 'summary' | 'causes' | 'next' | 'needs'>;

/** While its worker is not Ready, what the status says is how it was, and nothing of what comes next comes. */
function onWorker(found: Said, task: DynamicObject, facts: WhyFacts): Said {
  const worker = textOf(specOf(task)['workerName']);
  const words = worker === undefined ? [] : workerWords(facts);
  if (words.length === 0) return found;
  return {
    summary: `${found.summary}; that is how it was last seen: its worker is not Ready`,
    causes: [...words, ...found.causes],
    next: [
      { message: `it goes on when worker ${worker} is Ready again; until then the task stays bound to it` },
    ],
    needs: [`worker ${worker} Ready again`, ...found.needs],
  };
}

function running(task: DynamicObject): Said {
  const status = statusOf(task);
  const reason = textOf(status['reason']);
  const ready = conditionOf(task, 'Ready');
  const worker = workerOf(task);
  const where = worker === undefined ? '' : ` on worker ${worker}`;
  const restarts = numberOf(status['restartCount']) ?? 0;
  const again = restarts === 0 ? '' : `, restarted ${restarts} times`;
  const deadline = deadlineOf(task);
  if (reason === undefined && ready?.status === 'True') {
    return {
      summary: `it runs${where} and is Ready${again}`,
      causes: restarts === 0 ? [] : lastEnd(task),
      next: deadline,
      needs: [],
    };
  }
  const words =
    reason === undefined ? said(ready?.reason, ready?.message) : said(reason, textOf(status['message']));
  return {
    summary: `it runs${where}${ready?.status === 'True' ? '' : ' and is not Ready'}${again}: ${words}`,
    causes: lastEnd(task),
    next: deadline,
    needs: readyNeeds(reason ?? ready?.reason),
  };
}

function readyNeeds(reason: string | undefined): readonly string[] {
  switch (reason) {
    case 'Paused':
      return ['nothing: a paused container is resumed by its worker'];
    case 'Stopping':
      return [];
    case 'ResizeRefused':
      return ['limits that the engine accepts for what the container uses now (spec.resources.limits)'];
    case undefined:
      return [];
    default:
      return ['its probes content: condition Ready and the entries of topic probe say what they found'];
  }
}

function ended(task: DynamicObject, phase: string, reason: string | undefined, message: string): Said {
  const policy = textOf(specOf(task)['restartPolicy']) ?? 'Always';
  const removal = removalOf(task);
  return {
    summary: `it has come to its end, ${phase}${reason === undefined ? '' : ` (${reason})`}${message === '' ? '' : `: ${message}`}`,
    causes: [...lastEnd(task), ...(reason === 'DeadlineExceeded' ? [] : [`restartPolicy is ${policy}`])],
    next: removal,
    needs:
      reason === 'DeadlineExceeded'
        ? ['a later spec.activeDeadlineSeconds, or none: it counts from the first start']
        : phase === 'Succeeded'
          ? []
          : [
              'a change of its spec: it then runs anew; or restartPolicy OnFailure or Always, to be started again by itself',
            ],
  };
}

function waiting(
  task: DynamicObject,
  facts: WhyFacts,
  reason: string | undefined,
  message: string,
  placement: readonly WorkerVerdict[],
): Said {
  const at = textOf(statusOf(task)['nextRestartAt']);
  const step = (words: string): readonly WhyNext[] => [
    { message: words, ...(at === undefined ? {} : { at }) },
  ];
  const dependencies = dependencyWords(facts);
  const cause = message === '' ? [] : [message];
  switch (reason) {
    case 'Unschedulable': {
      const needs = unique(placement.flatMap((verdict) => needOf(verdict) ?? []));
      return {
        summary: `it waits for a worker: ${message}`,
        causes: [],
        next: [{ message: 'the scheduler looks again when a worker changes or room comes free' }],
        needs:
          needs.length > 0 ? [`one of: ${needs.join('; ')}`] : ['a worker that joins (gantry up starts one)'],
      };
    }
    case 'Preempted':
      return {
        summary: `it lost its place to a task of higher priority and waits for a worker${message === '' ? '' : `: ${message}`}`,
        causes: lastEnd(task),
        next: [{ message: 'the scheduler looks again when a worker changes or room comes free' }],
        needs: ['room on a worker, or a higher spec.priority'],
      };
    case 'Scheduling':
      return {
        summary: 'it waits for the scheduler to choose a worker',
        causes: [],
        next: [{ message: 'the scheduler decides' }],
        needs: ['a scheduler at work: see gantry_controllers_active'],
      };
    case 'DependencyNotReady':
      return {
        summary: `it waits for what it depends on: ${message}`,
        causes: dependencies,
        next: [{ message: 'its first container is started as soon as condition DependenciesMet is True' }],
        needs: [`what spec.dependsOn names as it is wanted there: ${message}`],
      };
    case 'ContainerCreating':
      return {
        summary: `its container is on the way: ${message}`,
        causes: lastEnd(task),
        next: step('its worker goes on by itself'),
        needs: [],
      };
    case 'ErrImagePull':
    case 'ImagePullBackOff':
      return {
        summary: `its image cannot be had: ${message}`,
        causes: [],
        next: step('the image is pulled again'),
        needs: [
          'an image of that name that the worker can pull (spec.image, spec.imagePullSecrets, the registry), or one that is there with imagePullPolicy IfNotPresent; a change of the spec tries again at once',
        ],
      };
    case 'InvalidImageName':
      return {
        summary: `spec.image is no name of an image: ${message}`,
        causes: [],
        next: [],
        needs: ['another spec.image'],
      };
    case 'CreateContainerConfigError':
      return {
        summary: `what its container needs is not there: ${message}`,
        causes: [],
        next: step('it is tried again at once when what is missing comes'),
        needs: [message === '' ? 'what the container needs' : `this put right: ${message}`],
      };
    case 'CreateContainerError':
      return {
        summary: `its container could not be created: ${message}`,
        causes: [],
        next: step('it is tried again'),
        needs: [`the engine's or the worker's refusal gone: ${message}`],
      };
    case 'RunContainerError':
      return {
        summary: `its container could not be started: ${message}`,
        causes: lastEnd(task),
        next: step('the next container is started'),
        needs: ["a command that the image has, and what else the engine's words ask for"],
      };
    case 'CrashLoopBackOff':
      return {
        summary: `its containers end one after the other: ${message}`,
        causes: lastEnd(task),
        next: step('the next container is started'),
        needs: crashNeeds(task),
      };
    case undefined:
    default: {
      const words = said(reason, message);
      return {
        summary: words === '' ? 'it is new: nobody has said anything of it yet' : `it waits: ${words}`,
        causes: words === '' ? cause : dependencies,
        next: step(words === '' ? 'the scheduler looks at it' : 'nothing more is recorded'),
        needs: [],
      };
    }
  }
}

function crashNeeds(task: DynamicObject): readonly string[] {
  const [last] = recordsOf(statusOf(task)['history']);
  const policy = textOf(specOf(task)['restartPolicy']) ?? 'Always';
  const goesOn = `a container that goes on running${policy === 'OnFailure' ? ', or completes' : ''}: its last lines stand at its end in the timeline`;
  switch (last?.['reason']) {
    case 'OOMKilled':
      return ['more memory (spec.resources.limits.memory), or a program that needs less'];
    case 'LivenessFailed':
      return ['a liveness probe that passes, or another one (spec.livenessProbe)'];
    case 'StartupFailed':
      return ['a startup probe that passes in time, or another one (spec.startupProbe)'];
    case 'Completed':
      return ['restartPolicy OnFailure or Never, if it is to end after its work'];
    default:
      return [goesOn];
  }
}

/** How the newest container ended, with its last words. */
function lastEnd(task: DynamicObject): readonly string[] {
  const [last] = recordsOf(statusOf(task)['history']);
  if (last === undefined) return [];
  const attempt = numberOf(last['attempt']);
  const exitCode = numberOf(last['exitCode']);
  const signal = numberOf(last['signal']);
  const reason = textOf(last['reason']);
  const finishedAt = textOf(last['finishedAt']);
  const words = endWords({
    ...(attempt === undefined ? {} : { attempt }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(reason === undefined ? {} : { reason }),
    message: textOf(last['message']),
  });
  const output = textOf(last['output'])?.trimEnd().split('\n').at(-1);
  return [
    `${words}${finishedAt === undefined ? '' : ` at ${finishedAt}`}${output === undefined ? '' : `; its last line: ${output}`}`,
  ];
}

function dependencyWords(facts: WhyFacts): readonly string[] {
  return facts.related.flatMap(({ role, object }) => (role === 'dependency' ? [taskWords(object)] : []));
}

function workerWords(facts: WhyFacts): readonly string[] {
  return facts.related.flatMap(({ role, object }) => {
    const ready = role === 'worker' ? conditionOf(object, 'Ready') : undefined;
    if (ready === undefined || ready.status === 'True') return [];
    return [`${called(object)} is not Ready: ${said(ready.reason, ready.message)}`];
  });
}

function workerOf(task: DynamicObject): string | undefined {
  return textOf(specOf(task)['workerName']) ?? textOf(statusOf(task)['workerName']);
}

/** Of the present generation of words: the condition while nothing fits, else the newest decision that is recorded. */
function placementOf(task: DynamicObject, timeline: readonly WhyEntry[]): readonly WorkerVerdict[] {
  const scheduled = conditionOf(task, 'Scheduled');
  const told = scheduled?.status === 'False' ? verdictsInMessage(scheduled.message) : [];
  const { uid } = task.metadata;
  const newest = timeline.findLast((entry) => entry.verdicts !== undefined && entry.uid === uid);
  // The Event names up to as many workers as the decision holds; the condition is never older than it.
  const isSame = newest?.message === scheduled?.message;
  if (told.length > 0)
    return isSame && (newest?.verdicts?.length ?? 0) > told.length ? (newest?.verdicts ?? []) : told;
  return scheduled?.status === 'False' ? [] : (newest?.verdicts ?? []);
}

function deadlineOf(task: DynamicObject): readonly WhyNext[] {
  const seconds = numberOf(specOf(task)['activeDeadlineSeconds']);
  const startedMs = timeMsOf(statusOf(task)['startedAt']);
  if (seconds === undefined || startedMs === undefined) return [];
  const at = new Date(startedMs + seconds * 1000).toISOString();
  return [{ message: 'its activeDeadlineSeconds have passed and it is stopped', at }];
}

function removalOf(task: DynamicObject): readonly WhyNext[] {
  const seconds = numberOf(specOf(task)['ttlSecondsAfterFinished']);
  const finishedMs = timeMsOf(statusOf(task)['finishedAt']);
  if (seconds === undefined || finishedMs === undefined) return [];
  const at = new Date(finishedMs + seconds * 1000).toISOString();
  return [{ message: 'its ttlSecondsAfterFinished have passed and it is removed', at }];
}
