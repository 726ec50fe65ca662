/**
 * How the values of settings are read. Each throws an Error that says what is wanted; paths are relative to the
 * directory given.
 */
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { parseBlock } from '../agent/networks/subnets.ts';
import { parseDurationMs } from '../machinery/duration.ts';
import type { LogFormat, LogLevel } from '../machinery/log.ts';
import { isHostname } from '../machinery/names.ts';
import { isQuantity, wholeUnits } from '../machinery/quantity.ts';
import { readEtcdAddress } from '../store/etcd/address.ts';

export const LOG_FORMATS: readonly LogFormat[] = ['json', 'text'];
export const LOG_LEVELS: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

export function pathIn(text: string, directory: string): string {
  if (text === '') throw new Error('a path');
  return resolve(directory, text);
}

export function port(text: string): number {
  const found = Number(text);
  if (/^\d{1,5}$/.test(text) && found <= 65_535) return found;
  throw new Error('a port from 1 to 65535, or 0 for a free one');
}

export function address(text: string): string {
  if (isIP(text) !== 0 || text === 'localhost') return text;
  throw new Error('an IP address, or localhost');
}

export function loopback(text: string): string {
  if (text === 'localhost' || text === '::1' || (isIP(text) === 4 && text.startsWith('127.'))) return text;
  throw new Error(
    'a loopback address (127.0.0.1, ::1 or localhost): the development listener has no authentication',
  );
}

export function names(text: string): readonly string[] {
  const list = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  for (const name of list) {
    if (!isHostname(name))
      throw new Error(`DNS names and IP addresses separated by commas; "${name}" is neither`);
  }
  return list;
}

/** Web origins (RFC 6454): scheme, host and port, nothing else; or `*`. */
export function origins(text: string): readonly string[] {
  const list = text
    .split(',')
    .map((origin) => origin.trim())
    .filter((origin) => origin !== '');
  for (const origin of list) {
    if (origin !== '*' && !(URL.canParse(origin) && new URL(origin).origin === origin))
      throw new Error(`origins such as https://jobs.example separated by commas, or *; "${origin}" is none`);
  }
  return list;
}

/** Absolute paths of workers, without '..'. */
export function hostPaths(text: string): readonly string[] {
  const list = text
    .split(',')
    .map((path) => path.trim())
    .filter((path) => path !== '');
  for (const path of list) {
    if (!path.startsWith('/') || path.split('/').includes('..'))
      throw new Error(`absolute paths without ".." separated by commas; "${path}" is none`);
  }
  return list;
}

/** An IPv4 block with room for networks. */
export function addressRange(text: string): string {
  if (parseBlock(text) !== undefined) return text;
  throw new Error('a range of IPv4 addresses such as 10.200.0.0/14, without bits beyond its prefix');
}

export function networkPrefix(text: string): number {
  const found = Number(text);
  if (/^\d{1,2}$/.test(text) && found >= 8 && found <= 29) return found;
  throw new Error('the length of a prefix, from 8 to 29');
}

export function yesOrNo(text: string): boolean {
  if (['true', '1', 'yes', 'on'].includes(text.toLowerCase())) return true;
  if (['false', '0', 'no', 'off'].includes(text.toLowerCase())) return false;
  throw new Error('true or false');
}

export function store(text: string, directory: string): string {
  if (text === 'memory:' || text === 'memory') return 'memory:';
  if (text.startsWith('etcd:')) return etcdAddress(text);
  const path = /^sqlite:(.+)$/.exec(text)?.[1];
  if (path === undefined) throw new Error('sqlite:<directory>, etcd://host:port,host:port/prefix or memory:');
  return `sqlite:${resolve(directory, path)}`;
}

/** Whether servers on other machines may use the store with this address. */
export function isSharedAddress(store: string): boolean {
  return store.startsWith('etcd:');
}

function etcdAddress(text: string): string {
  readEtcdAddress(text);
  return text.replace(/\/$/, '');
}

export function dockerHost(text: string): string {
  if (/^(?:unix|npipe):\/\/.+|^(?:tcp|https?|ssh):\/\/[^/\s]+/.test(text)) return text;
  throw new Error('a URL such as unix:///var/run/docker.sock or tcp://host:2376');
}

export function logLevel(text: string): LogLevel {
  const found = LOG_LEVELS.find((level) => level === text);
  if (found !== undefined) return found;
  throw new Error(`one of ${LOG_LEVELS.join(', ')}`);
}

export function logFormat(text: string): LogFormat {
  const found = LOG_FORMATS.find((format) => format === text);
  if (found !== undefined) return found;
  throw new Error(`one of ${LOG_FORMATS.join(', ')}`);
}

export function duration(text: string): number {
  const found = parseDurationMs(text);
  if (found !== undefined) return found;
  throw new Error('a duration such as 90s, 15m or 24h');
}

export function shownDuration(ms: number): string {
  for (const [unit, size] of [
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const) {
    if (ms >= size && ms % size === 0) return `${ms / size}${unit}`;
  }
  return `${ms}ms`;
}

export function wholeCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new Error('a whole number, at least 1');
}

export function percent(text: string): number {
  const value = Number(text);
  if (/^\d{1,3}$/.test(text) && value <= 100) return value;
  throw new Error('a whole number from 0 to 100');
}

export function bytes(text: string): number {
  const found = isQuantity(text) ? wholeUnits(text) : 0;
  if (found > 0) return found;
  throw new Error('a quantity of bytes such as 64Mi or 1Gi');
}

export function wholeSeconds(text: string): number {
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new Error('a whole number of seconds, at least 1');
}

export function checked(problem: (text: string) => string | undefined): (text: string) => string {
  return (text) => {
    const found = text === '' ? 'a value' : problem(text);
    if (found !== undefined) throw new Error(found);
    return text;
  };
}
