/**
 * Names, and from which position in the log each counts. Most sessions have one topic: it is kept without a map, which
 * would be 250 bytes a connection and three more places in memory to look at for each delivery.
 */
export class Since {
  #only: string | null = null;
  #position = 0;
  /** Once there were two; then all of them. */
  #map: Map<string, number> | null = null;

  get size(): number {
    return this.#map?.size ?? (this.#only === null ? 0 : 1);
  }

  /** Infinity: that name isn't there. */
  get(name: string): number {
    if (this.#map !== null) return this.#map.get(name) ?? Infinity;
    return this.#only === name ? this.#position : Infinity;
  }

  has(name: string): boolean {
    return this.get(name) !== Infinity;
  }

  set(name: string, position: number): void {
    if (this.#map === null && (this.#only === null || this.#only === name)) {
      this.#only = name;
      this.#position = position;
      return;
    }
    this.#map ??= new Map(this.#only === null ? [] : [[this.#only, this.#position]]);
    this.#map.set(name, position);
  }

  /** False: it wasn't there. */
  delete(name: string): boolean {
    if (this.#map !== null) return this.#map.delete(name);
    if (this.#only !== name) return false;
    this.#only = null;
    return true;
  }

  /** In the order in which they came. */
  names(): Iterable<string> {
    return this.#map?.keys() ?? (this.#only === null ? [] : [this.#only]);
  }
}
