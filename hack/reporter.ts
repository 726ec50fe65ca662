/** mocha's spec reporter, closing with the one line that scripts read: `N passed, N failed`. */
import mocha from 'mocha';

class ClosingLine extends mocha.reporters.Spec {
  override epilogue(): void {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    console.log(`${passes} passed, ${failures} failed${pending > 0 ? `, ${pending} skipped` : ''}`);
  }
}

// mocha asks for a reporter as the default export.
export default ClosingLine;
