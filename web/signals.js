// The order of signals within one connection: which belong to the negotiation under way, which wait, which are late.
// Pure: it holds candidates back until their description is set, and never touches a connection.

const MAX_WAITING = 200;

export class SignalOrder {
  /** The number of the negotiation under way; 0 before the first. */
  current = 0;
  #described = false;
  #waiting = [];

  /** An offer of our own begins: its number. */
  begin() {
    this.current += 1;
    this.#described = false;
    return this.current;
  }

  /** Our own offer is taken back, because both sides made one and this side gives way. */
  withdraw() {
    this.current -= 1;
    this.#described = true;
  }

  /** Whether an offer that came is new. One that was seen, or an older one, is not. */
  admitOffer(negotiationId) {
    const id = number(negotiationId);
    if (id !== null && id <= this.current) return false;
    this.current = id ?? this.current + 1;
    this.#described = false;
    return true;
  }

  /** Whether an answer belongs to the offer that is out. */
  admitAnswer(negotiationId) {
    const id = number(negotiationId);
    return !this.#described && this.current > 0 && (id === null || id === this.current);
  }

  /** The remote description is set: the candidates that waited for it, in the order they came. */
  described() {
    this.#described = true;
    const due = this.#waiting.filter(({ id }) => id === null || id === this.current);
    this.#waiting = this.#waiting.filter(({ id }) => id !== null && id > this.current);
    return due.map(({ candidate }) => candidate);
  }

  /** What can be added now: the candidate, or nothing when it is late or must wait. */
  candidate(negotiationId, candidate) {
    const id = number(negotiationId);
    if (id !== null && id < this.current) return [];
    if (this.#described && (id === null || id === this.current)) return [candidate];
    if (this.#waiting.length < MAX_WAITING) this.#waiting.push({ id, candidate });
    return [];
  }
}

/** Ids travel as numbers or as decimal strings; a peer of the basic contract sends none. */
function number(id) {
  if (id === undefined || id === null || id === '') return null;
  const value = Number(id);
  return Number.isFinite(value) ? value : null;
}
