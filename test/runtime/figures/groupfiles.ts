/** The kernel's files of containers, as control groups v1 and v2 have them: many, or one with something missing. */

export type Files = Map<string, string>;

export const idOf = (index: number): string => index.toString(16).padStart(4, '0').repeat(16);
export const pidOf = (index: number): number => 1_000 + index;

const NET = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:       9       9    9    9    0     0          0         0        9       9    9    9    0     0       0          0
  eth0:    2000      20    1    2    0     0          0         0     3000      30    3    4    0     0       0          0
`;
const DISKS = '   8       0 sda 1 2 3\n   8       1 sda1 1 2 3\n 254       0 vda 1 2 3\n';

/** Adds container number `index`. */
export function addV1(files: Files, index: number): void {
  const group = `/docker/${idOf(index)}`;
  const controllers = ['name=systemd', 'pids', 'blkio', 'devices', 'memory', 'cpuacct', 'cpu'];
  const lines = controllers.map((controller, at) => `${9 - at}:${controller}:${group}\n`);
  const put = (path: string, text: string): void => void files.set(`/sys/fs/cgroup/${path}`, text);
  files.set(`/proc/${pidOf(index)}/cgroup`, `${lines.join('')}0::${group}\n`);
  files.set(`/proc/${pidOf(index)}/net/dev`, NET);
  files.set('/proc/diskstats', DISKS);
  put(`cpuacct${group}/cpuacct.usage`, '2500000000\n');
  put(`cpuacct${group}/cpuacct.stat`, 'user 150\nsystem 90\n');
  put(`cpu${group}/cpu.stat`, 'nr_periods 5\nnr_throttled 2\nthrottled_time 750000000\nnr_bursts 0\n');
  put(`memory${group}/memory.usage_in_bytes`, '5000000\n');
  const many = Array.from(
    { length: 18 },
    (_, at) => `pg_figure_${at} ${at}\ntotal_pg_figure_${at} ${at}\n`,
  ).join('');
  const memory = `cache 1\nrss 2\n${many}hierarchical_memory_limit 67108864\ntotal_cache 3000000\ntotal_rss 1000000\ntotal_inactive_file 1500000\n`;
  put(`memory${group}/memory.stat`, memory);
  put(`memory${group}/memory.oom_control`, 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n');
  put(`memory${group}/cgroup.procs`, '17\n18\n19\n');
  put(
    `blkio${group}/blkio.throttle.io_service_bytes_recursive`,
    '254:0 Read 4096\n254:0 Write 8192\n254:0 Sync 1\n254:0 Total 12288\n9:9 Read 1\nTotal 12289\n',
  );
  put(`blkio${group}/blkio.throttle.io_serviced_recursive`, '254:0 Read 1\n254:0 Write 2\nTotal 3\n');
}

export function addV2(files: Files, index: number): void {
  const group = `/system.slice/docker-${idOf(index)}.scope`;
  const put = (name: string, text: string): void => void files.set(`/sys/fs/cgroup${group}/${name}`, text);
  files.set(`/proc/${pidOf(index)}/cgroup`, `0::${group}\n`);
  files.set(`/proc/${pidOf(index)}/net/dev`, NET);
  files.set('/proc/diskstats', DISKS);
  put(
    'cpu.stat',
    'usage_usec 2500000\nuser_usec 1500000\nsystem_usec 900000\nnr_periods 5\nthrottled_usec 750000\n',
  );
  put('memory.current', '5000000\n');
  put('memory.stat', 'anon 1000000\nfile 3000000\nkernel 1\ninactive_anon 7\ninactive_file 1500000\n');
  put('memory.max', '67108864\n');
  put('memory.events', 'low 0\nhigh 0\nmax 0\noom 3\noom_kill 2\n');
  put('cgroup.procs', '17\n18\n19\n');
  put(
    'io.stat',
    '254:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n9:9 rbytes=1 wbytes=0 rios=0 wios=0\n',
  );
}

/** What both say of a container. */
export const figuresOfBoth = {
  cpuSeconds: 2.5,
  cpuUserSeconds: 1.5,
  cpuSystemSeconds: 0.9,
  cpuThrottledSeconds: 0.75,
  memoryUsageBytes: 5_000_000,
  memoryWorkingSetBytes: 3_500_000,
  memoryRssBytes: 1_000_000,
  memoryCacheBytes: 3_000_000,
  memoryLimitBytes: 67_108_864,
  oomKills: 2,
  processes: 3,
  devices: [
    { device: '/dev/vda', reads: 1, readBytes: 4096, writes: 2, writtenBytes: 8192 },
    { device: '9:9', reads: 0, readBytes: 1, writes: 0, writtenBytes: 0 },
  ],
};
export const ownInterface = {
  name: 'eth0',
  receivedBytes: 2000,
  receivedPackets: 20,
  receiveErrors: 1,
  receiveDropped: 2,
  sentBytes: 3000,
  sentPackets: 30,
  sendErrors: 3,
  sendDropped: 4,
};
