// What the person does to the calls of this page. Pure; each command names its call by `key`, or means the one in front.

import {
  accept as take, end, front, hold, isLive, late, newCall, remember, rings, speaks, tellMedia, waiting,
} from './session.js';

/** `{conversationId, peer:{userId, username, displayName, avatar?}, video}`; what is answered goes on hold. */
export function place(at, input) {
  const { state, now } = at;
  if (state.calls.some((call) => rings(call) || !call.peerJoined)) return;
  makeRoom(at, null, 'hold');
  const call = newCall(state, {
    direction: 'outgoing', conversationId: input.conversationId, peer: input.peer, video: input.video, startedAt: now,
  });
  state.lastEnded = null;
  at.effects.push({ do: 'openMedia', key: call.key, video: input.video });
}

/** `{key?, video?, others?: 'hold' | 'end'}`: of a call that waits, `others` says what becomes of the one in front. */
export function accept(at, { key, video, others = 'hold' }) {
  const call = key ? at.call : ringing(at.state);
  if (!call || !rings(call)) return;
  makeRoom(at, call, others);
  take({ ...at, call }, { video });
}

/** Nobody talks in two calls: the others end or, where they are answered, go on hold. */
function makeRoom(at, except, others) {
  for (const call of at.state.calls.filter((one) => one !== except && !one.held)) {
    if (rings(call) && others === 'hold') continue;
    if (others === 'hold' && call.peerJoined) hold({ ...at, call }, true);
    else hangUp({ ...at, call });
  }
}

/** The call that rings: the one in front, else the one that waits. */
const ringing = (state) => [front(state), waiting(state)].find((call) => call && rings(call));

/** `{key?, busy?}`: says no; `busy` says that it is because of another call. */
export function decline(at, { key, busy } = {}) {
  const { state, effects } = at;
  const call = key ? at.call : ringing(state);
  if (!call || !rings(call)) return;
  const reason = (busy ?? state.calls.some(isLive)) && state.server.length ? 'busy' : 'rejected';
  effects.push(late('call:end', { callId: call.callId, reason }));
  end({ ...at, call }, 'rejected', { by: 'me' });
}

export function hangUp(at) {
  const { state, call, effects } = at;
  if (!call) return;
  if (rings(call)) return decline(at, { key: call.key, busy: false });
  if (call.asks || call.returning) return end(at, 'cancelled', { by: 'me' });
  if (call.direction === 'outgoing' && !call.peerJoined) {
    if (call.callId) endUnanswered(at, 'cancelled');
    else if (call.initiated) remember(state.orphans, call.conversationId);
    return end(at, 'cancelled', { by: 'me' });
  }
  effects.push(late('call:leave', { callId: call.callId }));
  end(at, 'completed', { by: 'me' });
}

/** An end before the answer; a server of the seed's day knows fewer reasons. */
export function endUnanswered({ state, call, effects }, reason) {
  const payload = { callId: call.callId };
  if (reason === 'missed' || state.server.length) payload.reason = reason;
  effects.push(late('call:end', payload));
}

/** `{key?, on}`: taking a call back from hold puts the one in front on hold. */
export function setHold(at, { on }) {
  const { state, call } = at;
  if (!call || !call.peerJoined || rings(call)) return;
  if (!on) for (const other of state.calls.filter((one) => one !== call && isLive(one) && !one.held)) {
    if (other.peerJoined) hold({ ...at, call: other }, true);
    else hangUp({ ...at, call: other });
  }
  hold(at, on);
}

/** The held call and the one in front change places. */
export function swap(at) {
  const held = at.state.calls.find((call) => call.held && call !== front(at.state));
  if (held) setHold({ ...at, call: held }, { on: false });
}

export function setMicrophone(at, { on }) {
  const { call, effects } = at;
  if (!call || call.held || call.microphone === on || (on && !call.hasMicrophone)) return;
  call.microphone = on;
  effects.push({ do: 'microphone', on });
  if (speaks(call)) tellMedia(at, 'call:toggle-audio');
}

export function setCamera(at, { on }) {
  const { call, effects } = at;
  if (!call || call.held || call.camera === on) return;
  call.camera = on;
  effects.push({ do: 'camera', on });
  if (speaks(call)) tellMedia(at, 'call:toggle-video');
}

/** `{key?, on}`: asks the person which screen; `screen` below says what came of it. */
export function setScreen({ call, effects }, { on }) {
  if (!call || call.held || !call.everConnected || call.screen === on) return;
  effects.push({ do: 'screen', key: call.key, on });
}

/** `{key, on, beside}`: a screen is shown now, or no more; `beside` says that the camera goes on next to it. */
export function screen(at, { on, beside = false }) {
  const { call } = at;
  if (!call || call.screen === on) return;
  call.screen = on;
  if (on) call.screenBeside = beside;
  if (!speaks(call)) return;
  tellMedia(at, 'call:toggle-screen');
  if (!call.screenBeside) tellMedia(at, 'call:toggle-video');
}

/** The network changed: the path is looked for anew at once, by whoever offers. */
export function network({ state, now }) {
  for (const call of state.calls) if (call.everConnected) call.lookAt = now;
}

/** `{on}`: whether a second ring waits; without, it is declined as busy. */
export function callWaiting({ state }, { on }) {
  state.takesWaiting = on;
}
