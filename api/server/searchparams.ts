/**
 * The query of a request, in time that grows with its length: Koa's own reader searches the whole query once for each
 * parameter, and a query of 60 KB then holds up everybody for seconds.
 */
import type Koa from 'koa';
import type { AppState } from './context.ts';

export type Parameters = Record<string, string | string[]>;

/** A parameter that comes once is a text, one that comes several times the list of them, in order. */
export function parseParameters(querystring: string): Parameters {
  // Without a prototype: what was not sent is not there, whatever it is called.
  const found: Parameters = Object.assign(Object.create(null));
  for (const [name, value] of new URLSearchParams(querystring)) {
    const before = found[name];
    if (before === undefined) found[name] = value;
    else if (typeof before === 'string') found[name] = [before, value];
    else before.push(value);
  }
  return found;
}

/** Makes `ctx.query` read with `parseParameters`, once for each request. */
export function readsParameters(app: Koa<AppState, object>): void {
  const parsed = new WeakMap<object, { readonly querystring: string; readonly parameters: Parameters }>();
  Object.defineProperty(app.request, 'query', {
    configurable: true,
    get(this: Koa.Request): Parameters {
      const { querystring } = this;
      const known = parsed.get(this);
      if (known?.querystring === querystring) return known.parameters;
      const parameters = parseParameters(querystring);
      parsed.set(this, { querystring, parameters });
      return parameters;
    },
  });
}
