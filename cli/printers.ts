/** Objects as text: `-o json`, `yaml`, `name` and `jsonpath=…`. Tables come from the server and are printed by `get`. */
import type { DynamicObject } from '../machinery/meta.ts';
import { type ApiKind, singularName } from './discovery.ts';
import { CommandError } from './io.ts';

/** A YAML document or JSON text, ending in a line feed where the form has one. */
export type Printer = (value: unknown) => string;

export type OutputForm =
  | { readonly kind: 'table'; readonly isWide: boolean }
  | { readonly kind: 'name' }
  | { readonly kind: 'objects'; readonly print: Printer };

/** Rejects with `CommandError` when the form is unknown. The parsers and writers are loaded only when used. */
export async function outputForm(text: string | undefined): Promise<OutputForm> {
  if (text === undefined || text === '') return { kind: 'table', isWide: false };
  const template = /^jsonpath=(.*)$/s.exec(text)?.[1];
  if (template !== undefined) {
    const { compileTemplate } = await import('./jsonpath.ts');
    return { kind: 'objects', print: compileTemplate(template) };
  }
  switch (text) {
    case 'wide':
      return { kind: 'table', isWide: true };
    case 'name':
      return { kind: 'name' };
    case 'json':
    case 'yaml':
      return { kind: 'objects', print: await documentPrinter(text) };
    default:
      throw new CommandError(`unknown output "${text}": wanted wide, json, yaml, name or jsonpath=TEMPLATE`);
  }
}

export async function documentPrinter(form: 'json' | 'yaml'): Promise<Printer> {
  if (form === 'json') return (value) => `${JSON.stringify(value, null, 4)}\n`;
  const { dump } = await import('js-yaml');
  return (value) => dump(value, { lineWidth: -1, noRefs: true, seqNoIndent: true });
}

/** `task.gantry.dev/hello` */
export function objectName(kind: ApiKind, name: string): string {
  return `${singularName(kind)}/${name}`;
}

/** Several objects as one, the way kubectl wraps them. */
export function asList(items: readonly DynamicObject[]): Record<string, unknown> {
  return { apiVersion: 'v1', kind: 'List', metadata: { resourceVersion: '' }, items };
}
