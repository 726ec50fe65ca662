/** What Grafana does with a query before it asks Prometheus: it fills in the variables. */

/** What Grafana knows by itself, and what stands for it in tests. */
export interface Filling {
  /** Of `$__rate_interval`. */
  readonly window: string;
  /** Of every variable of a dashboard: `.*` is All. */
  readonly value?: string;
}

const VARIABLE = /\$(?:\{(\w+(?:\.\w+)*)(?::\w+)?\}|(\w+))/g;

/** Every variable an expression or a link names, those of Grafana itself included. */
export function variablesOf(text: string): string[] {
  return [...text.matchAll(VARIABLE)].map((match) => match[1] ?? match[2] ?? '');
}

export function fillIn(expression: string, filling: Filling): string {
  return expression.replace(VARIABLE, (whole, braced?: string, bare?: string) => {
    const name = braced ?? bare ?? '';
    if (name === '__rate_interval') return filling.window;
    // The group of a regular expression in label_replace, which Grafana leaves alone.
    if (/^\d+$/.test(name)) return whole;
    return filling.value ?? '.*';
  });
}
