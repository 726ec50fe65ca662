/** What work costs this process, whoever else has the processors meanwhile: milliseconds, of all its threads. */
export function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
