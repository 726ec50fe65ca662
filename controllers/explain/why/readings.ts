/** Reading of objects whose kind is not known, as little as the explanations need: every field may be missing. */
import type { Condition } from '../../../machinery/conditions.ts';
import { isRecord } from '../../../machinery/json.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';

export type Fields = Readonly<Record<string, unknown>>;

const NONE: Fields = {};

export function recordOf(value: unknown): Fields {
  return isRecord(value) ? value : NONE;
}

export function recordsOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** Undefined for what is no text, and for the empty one. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** Undefined where the text is no time. */
export function timeMsOf(value: unknown): number | undefined {
  const ms = Date.parse(textOf(value) ?? '');
  return Number.isNaN(ms) ? undefined : ms;
}

export function specOf(object: DynamicObject | undefined): Fields {
  return recordOf(object?.['spec']);
}

export function statusOf(object: DynamicObject | undefined): Fields {
  return recordOf(object?.['status']);
}

export type SaidCondition = Pick<Condition, 'type' | 'status'> & {
  readonly reason: string;
  readonly message: string;
};

export function conditionsOf(object: DynamicObject | undefined): readonly SaidCondition[] {
  return recordsOf(statusOf(object)['conditions']).flatMap((condition) => {
    const { type, status } = condition;
    if (typeof type !== 'string' || (status !== 'True' && status !== 'False' && status !== 'Unknown'))
      return [];
    return [
      {
        type,
        status,
        reason: textOf(condition['reason']) ?? '',
        message: textOf(condition['message']) ?? '',
      },
    ];
  });
}

export function conditionOf(object: DynamicObject | undefined, type: string): SaidCondition | undefined {
  return conditionsOf(object).find((condition) => condition.type === type);
}

/** `task/web`. */
export function called({ kind, metadata }: DynamicObject): string {
  return `${kind.toLowerCase()}/${metadata.name}`;
}

/** `Reason: words`, or whichever of them there is. */
export function said(reason: string | undefined, message: string | undefined): string {
  return [reason, message].filter((word) => word !== undefined && word !== '').join(': ');
}
