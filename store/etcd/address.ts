/**
 * `etcd://host:port[,host:port…][/prefix]`, and the keys of etcd that a cluster has under its prefix:
 *
 *   <prefix>:kv:<key>   a value of the store
 *   <prefix>:gone:<key> what was noted with the last delete of that value (`history.ts`)
 *   <prefix>:mark       what `mark.ts` says about the newest transaction
 *   <prefix>:meta       what `meta.ts` says about the cluster
 *
 * No prefix holds a colon, so the clusters `a` and `a/b` never see each other's keys.
 */
import { isIP } from 'node:net';
import { messageOf } from '../../machinery/errors.ts';
import { isHostname } from '../../machinery/names.ts';
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
  try {
    return readEtcdAddress(url);
  } catch (error) {
    // The address itself is not shown where it could hold a password.
    const shown = url.includes('@') ? 'with a user' : `"${url}"`;
    throw new TypeError(`store address ${shown} is none of etcd; wanted ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Throws Error saying what is wanted, and no more of the address than the part that is wrong. */
export function readEtcdAddress(url: string): EtcdAddress {
  const [, hosts = '', path = ''] = /^etcd:\/\/([^/]*)(?:\/(.*))?$/.exec(url) ?? [];
  if (hosts.includes('@')) {
    throw new Error(`${FORM} without a user: give --etcd-user and --etcd-password-file beside it`);
  }
  const endpoints = hosts.split(',');
  for (const endpoint of endpoints) {
    const [, host = '', digits = ''] = /^(\[[0-9a-f:.]+\]|[^:[\]\s]+):(\d{1,5})$/i.exec(endpoint) ?? [];
    const isPort = Number(digits) > 0 && Number(digits) <= 65_535;
    const isHost = host.startsWith('[') ? isIP(host.slice(1, -1)) === 6 : isHostname(host);
    if (!isHost || !isPort) throw new Error(`${FORM}; "${endpoint}" is not host:port`);
  }
  const prefix = path === '' ? DEFAULT_PREFIX : path;
  if (!/^[a-z0-9-]+(?:\/[a-z0-9-]+)*$/.test(prefix)) {
    throw new Error(
      `${FORM}; the prefix "${prefix}" has more than lower-case letters, digits, - and single /`,
    );
  }
  if (prefix === COMPACTION_PREFIX)
    throw new Error(`${FORM}; the prefix "${prefix}" is that of all clusters`);
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
  readonly #gone: string;

  constructor(prefix: string) {
    this.prefix = prefix;
    this.start = `${prefix}:`;
    this.end = `${prefix};`;
    this.mark = `${prefix}:mark`;
    this.meta = `${prefix}:meta`;
    this.#values = `${prefix}:kv:`;
    this.#gone = `${prefix}:gone:`;
  }

  of(key: string): string {
    return this.#values + key;
  }

  gone(key: string): string {
    return this.#gone + key;
  }

  /** What is noted of deletes, or of those after one of etcd's keys. */
  goneRange(after: string | undefined): { readonly key: string; readonly end: string } {
    return { key: after === undefined ? this.#gone : `${after}\0`, end: prefixEnd(this.#gone) };
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
