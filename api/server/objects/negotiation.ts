/**
 * What form of an answer a client asked for in its Accept header.
 * Source: Kubernetes documentation, "Kubernetes API Concepts": receiving resources as Tables; apimachinery `negotiation`.
 */
import { ApiError } from '../../../machinery/errors.ts';

/** How objects are written: whole, as rows of a meta.k8s.io Table, or as metadata only. */
export type ObjectForm =
  | { readonly kind: 'object' }
  | { readonly kind: 'table'; readonly apiVersion: string }
  | { readonly kind: 'partial'; readonly apiVersion: string };

export interface MediaRange {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly quality: number;
}

const MAX_RANGES = 32;

/** Best first; ranges of equal quality stay in the order they were written. */
export function parseAccept(header: string): readonly MediaRange[] {
  if (header.trim() === '') return [{ type: '*/*', parameters: {}, quality: 1 }];
  const ranges = header.split(',', MAX_RANGES).map((text): MediaRange => {
    const [type = '', ...rest] = text.split(';').map((part) => part.trim());
    const parameters = Object.fromEntries(
      rest.map((part) => {
        const [name = '', value = ''] = part.split('=', 2);
        return [name.trim().toLowerCase(), value.trim().replace(/^"|"$/g, '')];
      }),
    );
    const quality = parameters.q === undefined ? 1 : Number(parameters.q);
    return { type: type.toLowerCase(), parameters, quality: Number.isFinite(quality) ? quality : 0 };
  });
  return ranges.filter((range) => range.quality > 0).sort((a, b) => b.quality - a.quality);
}

export function isJsonRange(range: MediaRange): boolean {
  return range.type === 'application/json' || range.type === 'application/*' || range.type === '*/*';
}

/** Throws `NotAcceptable` naming what can be had. */
export function objectForm(accept: string): ObjectForm {
  for (const range of parseAccept(accept)) {
    if (!isJsonRange(range)) continue;
    const { as, g, v } = range.parameters;
    if (as === undefined) return { kind: 'object' };
    if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) continue;
    const apiVersion = `${g}/${v}`;
    if (as === 'Table') return { kind: 'table', apiVersion };
    if (as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList')
      return { kind: 'partial', apiVersion };
  }
  throw notAcceptable([
    'application/json',
    'application/json;as=Table;g=meta.k8s.io;v=v1',
    'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
  ]);
}

/** Throws `NotAcceptable` unless plain JSON will do. */
export function requireJson(accept: string): void {
  if (!parseAccept(accept).some(isJsonRange)) throw notAcceptable(['application/json']);
}

export function notAcceptable(offered: readonly string[]): ApiError {
  const message = `only the following media types are accepted: ${offered.join(', ')}`;
  return new ApiError('NotAcceptable', message, {});
}
