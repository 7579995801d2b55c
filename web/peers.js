// The connections of the calls, one for each, with what comes out of them: streams, the first picture, measurements.

import { Connection } from './connection.js';
import { Meter } from './meter.js';

export class Peers {
  #on;
  #codec;
  #peers = new Map();

  /** `on`: `{signal(key, signal), ice(key, state), described(key), remote(key)}`; `codec` is named first in offers and answers. */
  constructor({ codec, on }) {
    this.#codec = codec;
    this.#on = on;
  }

  /** Opens the connection of a call; an earlier one of the same call closes. Its measurements go on. */
  connect({ key, offerer, iceServers, screen }) {
    const before = this.#peers.get(key);
    before?.connection.close();
    const peer = { connection: null, remote: null, meter: before?.meter ?? new Meter(), seen: before?.seen ?? null };
    const on = this.#on;
    peer.connection = new Connection({
      offerer, iceServers, screen, codec: this.#codec,
      on: {
        signal: (signal) => on.signal(key, signal),
        ice: (state) => on.ice(key, state),
        described: () => on.described(key),
        remote: (remote) => {
          peer.remote = remote;
          on.remote(key);
        },
        problem: (error) => console.warn('connection:', error?.name, error?.message),
      },
    });
    peer.meter.restart();
    this.#peers.set(key, peer);
    if (offerer) peer.connection.offer();
  }

  /** `{connection, remote: {sound, camera, screen}, meter, seen}` of a call, or undefined. */
  of(key) { return this.#peers.get(key); }

  connection(key) { return this.#peers.get(key)?.connection; }

  close(key) {
    this.#peers.get(key)?.connection.close();
    this.#peers.delete(key);
  }

  /** Measures every connection once. */
  async sample(expected) {
    await Promise.all([...this.#peers].map(([key, { connection, meter }]) => meter.sample(connection, expected(key))));
  }
}
