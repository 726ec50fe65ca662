/** The last so many bytes of what comes in pieces, whether these are large or a million of one byte. */

/** So many pieces become one: each costs far more than its bytes. */
const MOST_PIECES = 4_096;

export class Newest {
  readonly #most: number;
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (this.#pieces.length >= MOST_PIECES || this.#length >= 2 * this.#most) this.#shrink();
  }

  bytes(): Uint8Array {
    this.#shrink();
    return this.#pieces[0] ?? new Uint8Array();
  }

  #shrink(): void {
    const whole = Buffer.concat(this.#pieces).subarray(-this.#most);
    this.#pieces = [whole];
    this.#length = whole.length;
  }
}
