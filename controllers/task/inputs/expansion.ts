/**
 * `$(NAME)` in values, commands and arguments. `$$` is a dollar sign, so that `$$(NAME)` stays `$(NAME)`; a reference
 * to nothing stays as it is, and so does a dollar sign before anything else.
 * Source of the rule: Kubernetes, "Define Dependent Environment Variables" and `third_party/forked/golang/expansion`.
 */

/** One string of a process's arguments or environment with its end. Source: Linux, execve(2), MAX_ARG_STRLEN. */
export const MAX_STRING_BYTES = 128 * 1024;

/**
 * A text that grew past twice what one string of a process can be is not expanded any further, for a few thousand
 * references to each other would fill the memory: whoever uses it finds it too long.
 * @param valueOf undefined for a variable that is not defined.
 */
export function expand(text: string, valueOf: (name: string) => string | undefined): string {
  let grown = 0;
  return text.replace(/\$(?:\$|\(([^)]*)\))/g, (found, name: string | undefined) => {
    if (name === undefined) return '$';
    const value = grown > 2 * MAX_STRING_BYTES ? undefined : valueOf(name);
    grown += value?.length ?? 0;
    return value ?? found;
  });
}

/** What `$(NAME)` stands for in commands and arguments: the container's environment. @param env `NAME=value`. */
export function valuesOf(env: readonly string[]): (name: string) => string | undefined {
  const values = new Map(
    env.map((entry): [string, string] => {
      const equals = entry.indexOf('=');
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
  return (name) => values.get(name);
}
