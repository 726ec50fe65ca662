/**
 * When each alert fires and when it does not, as worlds of series. A world is asked at `at`; `fires` are the labels of the
 * alerts that fire then, with how `$value` is written where an annotation says it. Values are promtool's notation:
 * `0+1x60` begins at 0 and grows by 1 for 60 samples, of which there is one a minute.
 */
export interface Firing {
  readonly labels: Readonly<Record<string, string>>;
  readonly value?: string;
}

export interface AlertCase {
  readonly alert: string;
  readonly world: string;
  readonly series: Readonly<Record<string, string>>;
  readonly at: string;
  readonly fires: readonly Firing[];
}

const state = 'instance="a:7443",job="gantry-state"';
const own = 'instance="a:7443",job="gantry"';
const web = 'namespace="shop",task="web"';
const set = 'namespace="shop",taskset="web"';
const nightly = 'namespace="shop",job="nightly"';
const run = 'namespace="shop",run="nightly-1"';

function ended(runState: string, completed: number): Readonly<Record<string, string>> {
  return {
    [`gantry_run_status_state{instance="a:7443",job="gantry-state",${run},state="failed"}`]:
      runState === 'failed' ? '1x240' : '0x240',
    [`gantry_run_status_state{instance="a:7443",job="gantry-state",${run},state="completed"}`]:
      runState === 'completed' ? '1x240' : '0x240',
    [`gantry_run_info{instance="a:7443",${nightly},run="nightly-1",trigger="Schedule"}`]: '1x240',
    [`gantry_run_completion_time{${state},${run}}`]: `${completed}x240`,
  };
}

/** Requests, 1200 a minute that are answered, and those that fail. */
function requests(failing: string): Readonly<Record<string, string>> {
  return {
    [`gantry_served_requests_total{${own},result="answered"}`]: '0+1200x80',
    [`gantry_served_requests_total{${own},result="failed"}`]: failing,
  };
}

export const alertCases: readonly AlertCase[] = [
  {
    alert: 'GantryTaskCrashLooping',
    world: 'a Task that is in CrashLoopBackOff now and then, as two servers tell',
    series: {
      [`gantry_task_status_reason{${state},${web},reason="CrashLoopBackOff"}`]:
        '1 _ _ _ 1 _ _ _ 1 _ _ _ 1 _ _ _ 1 1 1',
      [`gantry_task_status_reason{instance="b:7443",${web},reason="CrashLoopBackOff"}`]:
        '1 _ _ _ 1 _ _ _ 1 _ _ _ 1 _ _ _ 1 1 1',
    },
    at: '15m',
    fires: [{ labels: { namespace: 'shop', task: 'web' } }],
  },
  {
    alert: 'GantryTaskCrashLooping',
    world: 'a Task that crashes too slowly for a backoff, but again and again',
    series: { [`gantry_task_status_restarts_total{${state},${web}}`]: '0+1x20 20+0x100' },
    at: '40m',
    fires: [{ labels: { namespace: 'shop', task: 'web' } }],
  },
  {
    alert: 'GantryTaskCrashLooping',
    world: 'a Task that crashed for three minutes and then ran',
    series: {
      [`gantry_task_status_reason{${state},${web},reason="CrashLoopBackOff"}`]: '1 1 1 _x60',
      [`gantry_task_status_restarts_total{${state},${web}}`]: '0 1 2 3 3x60',
    },
    at: '15m',
    fires: [],
  },
  {
    alert: 'GantryTaskPending',
    world: 'a Task that no worker fits for a quarter of an hour',
    series: { [`gantry_task_status_phase{${state},${web},phase="Pending"}`]: '1x60' },
    at: '16m',
    fires: [{ labels: { namespace: 'shop', task: 'web' } }],
  },
  {
    alert: 'GantryTaskPending',
    world: 'a Task that got to run after ten minutes, and one that is crash-looping',
    series: {
      [`gantry_task_status_phase{${state},${web},phase="Pending"}`]: '1x10 0x60',
      [`gantry_task_status_phase{${state},namespace="shop",task="crash",phase="Pending"}`]: '1x60',
      [`gantry_task_status_reason{${state},namespace="shop",task="crash",reason="CrashLoopBackOff"}`]: '1x60',
    },
    at: '16m',
    fires: [],
  },
  {
    alert: 'GantryTaskSetUnavailable',
    world: 'a set with too few Tasks for ten minutes',
    series: {
      [`gantry_taskset_status_condition{${state},${set},condition="Available",reason="MinimumReplicasUnavailable",status="false"}`]:
        '1x60',
    },
    at: '11m',
    fires: [{ labels: { namespace: 'shop', taskset: 'web' } }],
  },
  {
    alert: 'GantryTaskSetUnavailable',
    world: 'a set that had too few for five minutes',
    series: {
      [`gantry_taskset_status_condition{${state},${set},condition="Available",reason="MinimumReplicasUnavailable",status="false"}`]:
        '1x5 0x60',
    },
    at: '11m',
    fires: [],
  },
  {
    alert: 'GantryRolloutStuck',
    world: 'a rollout past its deadline',
    series: {
      [`gantry_taskset_status_condition{${state},${set},condition="Progressing",reason="ProgressDeadlineExceeded",status="false"}`]:
        '1x60',
    },
    at: '2m',
    fires: [{ labels: { namespace: 'shop', taskset: 'web', reason: 'ProgressDeadlineExceeded' } }],
  },
  {
    alert: 'GantryRolloutStuck',
    world: 'a rollout that goes on, and one that is paused',
    series: {
      [`gantry_taskset_status_condition{${state},${set},condition="Progressing",reason="ReplicasUpdating",status="true"}`]:
        '1x60',
      [`gantry_taskset_status_condition{${state},${set},condition="Progressing",reason="ReplicasUpdating",status="false"}`]:
        '0x60',
      [`gantry_taskset_status_condition{${state},namespace="shop",taskset="b",condition="Progressing",reason="Paused",status="unknown"}`]:
        '1x60',
    },
    at: '10m',
    fires: [],
  },
  {
    alert: 'GantryRunFailed',
    world: 'a Run that failed ten minutes ago',
    series: ended('failed', 600),
    at: '20m',
    fires: [{ labels: { namespace: 'shop', job: 'nightly', run: 'nightly-1' } }],
  },
  {
    alert: 'GantryRunFailed',
    world: 'a free-standing Run that was interrupted',
    series: {
      [`gantry_run_status_state{${state},namespace="shop",run="once",state="interrupted"}`]: '1x240',
      [`gantry_run_info{instance="a:7443",job="",namespace="shop",run="once",trigger="Manual"}`]: '1x240',
      [`gantry_run_completion_time{${state},namespace="shop",run="once"}`]: '600x240',
    },
    at: '20m',
    fires: [{ labels: { namespace: 'shop', run: 'once' } }],
  },
  {
    alert: 'GantryRunFailed',
    world: 'a Run that failed, after which one of the same Job completed',
    series: {
      ...ended('failed', 600),
      [`gantry_job_status_last_successful_time{instance="a:7443",${nightly}}`]: '700x240',
    },
    at: '20m',
    fires: [],
  },
  {
    alert: 'GantryRunFailed',
    world: 'one that completed',
    series: ended('completed', 600),
    at: '20m',
    fires: [],
  },
  {
    alert: 'GantryRunFailed',
    world: 'one that failed more than an hour ago',
    series: ended('failed', 600),
    at: '80m',
    fires: [],
  },
  {
    alert: 'GantryCronMissed',
    world: 'a Job whose next time passed ten minutes ago',
    series: {
      [`gantry_job_status_next_schedule_time{instance="a:7443",${nightly}}`]: '600x60',
      [`gantry_job_spec_suspended{instance="a:7443",${nightly}}`]: '0x60',
    },
    at: '20m',
    fires: [{ labels: { namespace: 'shop', job: 'nightly' } }],
  },
  {
    alert: 'GantryCronMissed',
    world: 'a leading server that counted a miss',
    series: { [`gantry_cron_missed_total{${own}}`]: '0x10 1x60' },
    at: '15m',
    fires: [{ labels: { instance: 'a:7443' } }],
  },
  {
    alert: 'GantryCronMissed',
    world: 'a server that begins with what was missed while it was down',
    series: { [`gantry_cron_missed_total{${own}}`]: '_x20 3x60' },
    at: '22m',
    fires: [{ labels: { instance: 'a:7443' } }],
  },
  {
    alert: 'GantryCronMissed',
    world: 'a Job that is suspended, one whose time is now, and a miss of an hour ago',
    series: {
      [`gantry_job_status_next_schedule_time{instance="a:7443",${nightly}}`]: '600x60',
      [`gantry_job_spec_suspended{instance="a:7443",${nightly}}`]: '1x60',
      [`gantry_job_status_next_schedule_time{instance="a:7443",namespace="shop",job="hourly"}`]: '1150x60',
      [`gantry_cron_missed_total{${own}}`]: '1x60',
    },
    at: '20m',
    fires: [],
  },
  {
    alert: 'GantryWorkerLost',
    world: 'a worker whose lease has expired',
    series: {
      [`gantry_worker_status_condition{${state},worker="w1",condition="Ready",status="true"}`]: '1 1 0x60',
    },
    at: '4m',
    fires: [{ labels: { worker: 'w1' } }],
  },
  {
    alert: 'GantryWorkerLost',
    world: 'a worker that was away for half a minute',
    series: {
      [`gantry_worker_status_condition{${state},worker="w1",condition="Ready",status="true"}`]: '1 0 1x60',
    },
    at: '2m',
    fires: [],
  },
  {
    alert: 'GantryDriftStorm',
    world: 'containers that somebody stops twice a minute',
    series: { [`gantry_task_drift_repaired_total{${own},kind="removed"}`]: '0+2x60' },
    at: '30m',
    fires: [{ labels: { instance: 'a:7443', kind: 'removed' } }],
  },
  {
    alert: 'GantryDriftStorm',
    world: 'ten containers that were removed by hand at once',
    series: { [`gantry_task_drift_repaired_total{${own},kind="removed"}`]: '0x10 10x60' },
    at: '20m',
    fires: [],
  },
  {
    alert: 'GantryTargetDown',
    world: 'a server that does not answer',
    series: { [`up{${own}}`]: '0x60' },
    at: '4m',
    fires: [{ labels: { instance: 'a:7443', job: 'gantry' } }],
  },
  {
    alert: 'GantryTargetDown',
    world: 'a server that was restarted, and a Task that does not answer, which is no server',
    series: { [`up{${own}}`]: '1 0 0 1x60', 'up{instance="b:9100",job="gantry-tasks"}': '0x60' },
    at: '4m',
    fires: [],
  },
  {
    alert: 'GantryControllersNotLeading',
    world: 'two candidates and no leader',
    series: {
      [`gantry_controllers_active{${own}}`]: '0x60',
      'gantry_controllers_active{instance="b:7443",job="gantry"}': '0x60',
    },
    at: '3m',
    fires: [{ labels: {} }],
  },
  {
    alert: 'GantryControllersNotLeading',
    world: 'nothing that tells of controllers at all',
    series: { [`up{${own}}`]: '0x60' },
    at: '3m',
    fires: [{ labels: {} }],
  },
  {
    alert: 'GantryControllersNotLeading',
    world: 'a leader that handed over',
    series: {
      [`gantry_controllers_active{${own}}`]: '1 1 0x60',
      'gantry_controllers_active{instance="b:7443",job="gantry"}': '0 0 0 1x60',
    },
    at: '4m',
    fires: [],
  },
  {
    alert: 'GantryApiErrorBudgetFastBurn',
    world: 'one request in eleven that fails',
    series: requests('0+120x80'),
    at: '70m',
    fires: [{ labels: {}, value: '9.091%' }],
  },
  {
    alert: 'GantryApiErrorBudgetFastBurn',
    world: 'errors that have ended, and refusals of clients',
    series: requests('0+120x60 7200x360'),
    at: '75m',
    fires: [],
  },
  {
    alert: 'GantryApiErrorBudgetFastBurn',
    world: 'no errors',
    series: requests('0x80'),
    at: '70m',
    fires: [],
  },
  {
    alert: 'GantryApiErrorBudgetFastBurn',
    world: 'the first failures there ever were, all between two samples',
    series: requests('0x66 4000x14'),
    at: '70m',
    fires: [{ labels: {}, value: '5.263%' }],
  },
  {
    alert: 'GantryApiErrorBudgetSlowBurn',
    world: 'one request in a hundred and one that fails, for hours',
    series: requests('0+12x80'),
    at: '55m',
    fires: [{ labels: {}, value: '0.9901%' }],
  },
  {
    alert: 'GantryApiErrorBudgetSlowBurn',
    world: 'one in a thousand: what was promised',
    series: requests('0+1x80'),
    at: '55m',
    fires: [],
  },
  {
    alert: 'GantryStoreNearFull',
    world: 'an etcd near its limit',
    series: {
      [`gantry_store_size_bytes{${own}}`]: '90x60',
      [`gantry_store_size_limit_bytes{${own}}`]: '100x60',
    },
    at: '15m',
    fires: [{ labels: { instance: 'a:7443' }, value: '90%' }],
  },
  {
    alert: 'GantryStoreNearFull',
    world: 'a disk of which three quarters are taken, and more every minute',
    series: {
      [`gantry_store_disk_size_bytes{${own}}`]: '10000x60',
      [`gantry_store_disk_free_bytes{${own}}`]: '3000-10x45 2550x15',
    },
    at: '50m',
    // The same at two evaluations: whether what is recorded or the alert comes first is not said.
    fires: [{ labels: { instance: 'a:7443' }, value: '74.5%' }],
  },
  {
    alert: 'GantryStoreNearFull',
    world: 'a disk of which three quarters are taken, and no more',
    series: {
      [`gantry_store_disk_size_bytes{${own}}`]: '10000x60',
      [`gantry_store_disk_free_bytes{${own}}`]: '2500x60',
    },
    at: '50m',
    fires: [],
  },
  {
    alert: 'GantryCertificateExpiring',
    world: 'a certificate that was not replaced in time',
    series: { [`gantry_certificate_remaining_seconds{${own},certificate="server"}`]: '1728000x120' },
    at: '70m',
    fires: [{ labels: { instance: 'a:7443', job: 'gantry', certificate: 'server' }, value: '20d 0h 0m 0s' }],
  },
  {
    alert: 'GantryCertificateExpiring',
    world: 'one with 22 days left, which is about to be replaced',
    series: { [`gantry_certificate_remaining_seconds{${own},certificate="server"}`]: '1900800x120' },
    at: '70m',
    fires: [],
  },
  {
    alert: 'GantryAuditLost',
    world: 'the first event that is lost, of whose series there is one sample',
    series: { [`apiserver_audit_error_total{${own},reason="write"}`]: '_x20 1x60' },
    at: '21m',
    fires: [{ labels: { instance: 'a:7443' } }],
  },
  {
    alert: 'GantryAuditLost',
    world: 'more of them',
    series: { [`apiserver_audit_error_total{${own},reason="write"}`]: '1x20 2x60' },
    at: '25m',
    fires: [{ labels: { instance: 'a:7443' } }],
  },
  {
    alert: 'GantryAuditLost',
    world: 'some that were lost yesterday',
    series: { [`apiserver_audit_error_total{${own},reason="write"}`]: '5x60' },
    at: '30m',
    fires: [],
  },
  {
    alert: 'GantryClockSkewed',
    world: 'a clock that is a minute ahead',
    series: { [`gantry_time_seconds{${own}}`]: '60+60x60' },
    at: '10m',
    fires: [{ labels: { instance: 'a:7443', job: 'gantry' }, value: '1m 0s' }],
  },
  {
    alert: 'GantryClockSkewed',
    world: 'a clock that agrees',
    series: { [`gantry_time_seconds{${own}}`]: '1+60x60' },
    at: '10m',
    fires: [],
  },
];
