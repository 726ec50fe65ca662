/** Between the two ways to wait: Node's streams take callbacks, everything else here gives promises. */

/** Calls back once with how the work went. */
export async function report(work: Promise<void>, done: (error?: Error | null) => void): Promise<void> {
  const failure = await work.then(
    () => null,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  done(failure);
}
