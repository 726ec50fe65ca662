/**
 * mocha's spec reporter, closing with the one line that scripts read: `N passed, N failed`. A process that goes on
 * living after that says what keeps it, and ends: a leak in a test must not hold up the run's verdict.
 */
import mocha from 'mocha';

/** What ends by itself has ended by then, milliseconds. */
const LINGER_MS = 15_000;

class ClosingLine extends mocha.reporters.Spec {
  override epilogue(): void {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    console.log(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ''}`);
    setTimeout(() => {
      const kept = process.getActiveResourcesInfo().join(', ');
      console.error(`the tests have ended, but something they left behind keeps the process: ${kept}`);
      process.exit(failures > 0 ? 1 : 0);
    }, LINGER_MS).unref();
  }
}

// mocha asks for a reporter as the default export.
export default ClosingLine;
