/** `none`: follows no log, or is on its way out. `idle`: has been sent all that was due. `busy`: may be owed something. */
export type Activity = 'none' | 'idle' | 'busy';

/**
 * How many follow the log, and how many of them are busy. Told at each change, so that the valve needn't look at 15,000
 * connections ten times a second to find that nobody lags, a fifth of what idle ones cost.
 */
export class Sessions {
  #open = 0;
  #busy = 0;

  get open(): number {
    return this.#open;
  }

  get busy(): number {
    return this.#busy;
  }

  change(from: Activity, to: Activity): void {
    if (from !== 'none') this.#open--;
    if (from === 'busy') this.#busy--;
    if (to !== 'none') this.#open++;
    if (to === 'busy') this.#busy++;
  }
}
