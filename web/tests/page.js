// A page under test, without a browser: the machine with a clock that the test turns.

import { front, idle, statusOf, step } from '../call.js';

export const ME = { userId: 'u-alice', deviceId: 'd-alice' };
export const BOB = { userId: 'u-bob', username: 'bob', displayName: 'Bob', avatar: null };
export const CAPABILITIES = ['ringing', 'negotiate', 'version', 'screen', 'hold'];

/** A page under test: the machine, a clock, and everything that it asked for. */
export class Page {
  now = 1_000_000;
  effects = [];

  constructor(capabilities = CAPABILITIES) {
    this.state = idle(ME);
    this.feed({ type: 'socket', up: true, capabilities });
    this.feed({ type: 'memberships', map: { 'c-1': 'p-alice' } });
    this.effects = [];
  }

  feed(input) {
    const { state, effects } = step(this.state, input, this.now);
    this.state = state;
    this.effects.push(...effects);
    return this;
  }

  event(name, payload) { return this.feed({ type: 'event', name, payload }); }
  later(ms) {
    this.now += ms;
    return this.feed({ type: 'tick' });
  }

  get status() { return statusOf(this.state); }
  get call() { return front(this.state); }
  get ended() { return this.state.lastEnded; }
  said(event) { return this.effects.filter((effect) => effect.event === event).map(({ payload }) => payload); }
  did(what) { return this.effects.filter((effect) => effect.do === what); }

  place(video = true) {
    this.feed({ type: 'place', conversationId: 'c-1', peer: BOB, video });
    return this.feed({ type: 'media', key: this.call.key, audio: true, video });
  }

  acked(data = { callId: 'call-1', mode: 'p2p', iceServers: [], ttl: 86_400 }) {
    return this.feed({ type: 'initiated', key: this.call.key, ok: true, data });
  }

  bobJoins(more = {}) {
    return this.event('call:participant-joined', {
      callId: 'call-1', mode: 'p2p', version: 3,
      participant: { id: 'row-bob', userId: 'u-bob', role: 'participant', isAudioEnabled: true, isVideoEnabled: true, ...more },
    });
  }

  rings(more = {}) {
    return this.event('call:initiated', {
      callId: 'call-1', conversationId: 'c-1', mode: 'p2p', type: 'video', version: 1,
      initiator: { userId: 'u-bob', username: 'bob', displayName: 'Bob' },
      participants: [{ id: 'row-bob', userId: 'u-bob', role: 'initiator', capabilities: CAPABILITIES }], ...more,
    });
  }

  connected() {
    const { key } = this.call;
    return this.feed({ type: 'described', key }).feed({ type: 'ice', key, state: 'connected' });
  }
}

export const activeOutgoing = () => new Page().place().acked().bobJoins().connected();
export const activeIncoming = () => new Page().rings().feed({ type: 'accept' }).connected();
export const signal = (more) => ({ callId: 'call-1', signal: { type: 'offer', from: 'u-bob', to: 'u-alice', sdp: 'v=0', ...more } });
