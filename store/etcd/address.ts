/**
 * `etcd://host:port[,host:port…][/prefix]`, and the keys of etcd that a cluster has under its prefix:
 *
 *   <prefix>:kv:<key>   a value of the store
 *   <prefix>:mark       what `mark.ts` says about the newest transaction
 *   <prefix>:meta       what `meta.ts` says about the cluster
 *
 * No prefix holds a colon, so the clusters `a` and `a/b` never see each other's keys.
 */
import { prefixEnd } from '../keys.ts';

const DEFAULT_PREFIX = 'gantry';
/** Before the keys by which the clusters of one etcd agree on what to forget; no cluster has it. */
export const COMPACTION_PREFIX = 'gantry-compaction';
const FORM = 'etcd://host:port,host:port/prefix';

export interface EtcdAddress {
  readonly endpoints: readonly string[];
  readonly prefix: string;
}

/** Throws TypeError naming what is wrong. */
export function parseEtcdAddress(url: string): EtcdAddress {
  const [, hosts = '', path = ''] = /^etcd:\/\/([^/]*)(?:\/(.*))?$/.exec(url) ?? [];
  const problem = (what: string): TypeError =>
    new TypeError(`store address "${url}" ${what}; wanted ${FORM}`);
  // The address itself is not shown where it could hold a password.
  if (hosts.includes('@')) {
    throw new TypeError(`the store address holds a user; wanted ${FORM}, and the user beside it`);
  }
  const endpoints = hosts.split(',');
  for (const endpoint of endpoints) {
    const [, port = ''] = /^(?:\[[0-9a-fA-F:.]+\]|[^:[\]\s]+):(\d{1,5})$/.exec(endpoint) ?? [];
    if (Number(port) < 1 || Number(port) > 65_535)
      throw problem(`names "${endpoint}", which is not host:port`);
  }
  const prefix = path === '' ? DEFAULT_PREFIX : path;
  if (!/^[a-z0-9-]+(?:\/[a-z0-9-]+)*$/.test(prefix)) {
    throw problem(
      `has the prefix "${prefix}", which is not made of lower-case letters, digits, - and single /`,
    );
  }
  if (prefix === COMPACTION_PREFIX) throw problem(`has the prefix "${prefix}", which all clusters share`);
  return { endpoints, prefix };
}

export class EtcdKeys {
  readonly prefix: string;
  readonly mark: string;
  readonly meta: string;
  /** All keys of the cluster: from here up to, without, `end`. */
  readonly start: string;
  readonly end: string;
  readonly #values: string;

  constructor(prefix: string) {
    this.prefix = prefix;
    this.start = `${prefix}:`;
    this.end = `${prefix};`;
    this.mark = `${prefix}:mark`;
    this.meta = `${prefix}:meta`;
    this.#values = `${prefix}:kv:`;
  }

  of(key: string): string {
    return this.#values + key;
  }

  /** The store's key behind one of etcd's; undefined for one that is none. */
  storeKey(etcdKey: string): string | undefined {
    return etcdKey.startsWith(this.#values) ? etcdKey.slice(this.#values.length) : undefined;
  }

  /** The keys that start with a prefix of the store, or come after one of them. */
  range(prefix: string, after?: string): { readonly key: string; readonly end: string } {
    const isAfter = after !== undefined && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
    return { key: this.of(isAfter ? `${after}\0` : prefix), end: prefixEnd(this.of(prefix)) };
  }
}
