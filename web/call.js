// The calls as this page lives them: `step(state, input, now)` gives the next state and what is to be done.
// Pure: no socket, no media, no clock. `commands.js` holds what the person does, `events.js` what the server says,
// `clock.js` what time does, `elsewhere.js` calls on other devices, `session.js` the record of a call and its moves.

import { lost, tick } from './clock.js';
import * as commands from './commands.js';
import { activeCalls, endElsewhere, freeFound, freed, initiated, joinFound, takeOver } from './elsewhere.js';
import { onEvent } from './events.js';
import {
  HEARTBEAT, QUALITY_REPORT,
  ask, front, initiate, isEnd, isLive, join, joined, remember, rings, speaks, takeSession, tellMedia, tellReconnect,
} from './session.js';

export { front, waiting } from './session.js';

/** The state of a page that is signed in and not in a call: `me` is `{userId, deviceId}`, capabilities the server's. */
export function idle(me, capabilities = []) {
  return {
    me, server: [...capabilities], online: false, memberships: {}, takesWaiting: true,
    calls: [], elsewhere: [], comeback: [], lastEnded: null, timeline: {}, gone: [], orphans: [], nextKey: 1,
  };
}

/** One of: preparing, asking, calling, ringing, incoming, connecting, active, held, reconnecting. Null without a call. */
export function statusOf(state, call = front(state)) {
  if (!call) return null;
  if (call.asks) return 'asking';
  if (call.returning) return 'connecting';
  if (rings(call)) return 'incoming';
  if (call.direction === 'outgoing' && !call.peerJoined) {
    if (!call.initiated) return 'preparing';
    return call.rang ? 'ringing' : 'calling';
  }
  if (!call.everConnected) return 'connecting';
  if (call.lostSince != null || !state.online || call.remote.reconnecting) return 'reconnecting';
  return call.held ? 'held' : 'active';
}

/** Takes one input and returns `{state, effects}`; the state given is left as it was. */
export function step(before, input, now) {
  const state = structuredClone(before);
  const effects = [];
  const at = { state, effects, now, call: null };
  if (Object.hasOwn(FOR_ALL, input.type)) FOR_ALL[input.type](at, input);
  else if (Object.hasOwn(FOR_ONE, input.type)) {
    const call = input.key ? state.calls.find(({ key }) => key === input.key) ?? null : front(state);
    FOR_ONE[input.type]({ ...at, call }, input);
  }
  for (let call; (call = state.calls.find((one) => one.again));) {
    delete call.again;
    for (const { name, payload } of call.early.splice(0)) onEvent(at, { name, payload });
  }
  return { state, effects };
}

const { place, network, callWaiting, swap } = commands;
const FOR_ALL = {
  place, network, callWaiting, swap, socket, memberships, takeOver, endElsewhere, comeback,
  event: onEvent,
  activeCalls: (at, input) => activeCalls(at, input, takeSession),
  tick: (at) => { for (const call of [...at.state.calls]) tick({ ...at, call }); },
};

const { accept, decline, hangUp, setHold, setMicrophone, setCamera, setScreen, screen } = commands;
const FOR_ONE = {
  accept, decline, hangUp, setHold, setMicrophone, setCamera, setScreen, screen, joinFound, freeFound, initiated, freed,
  joined: known(joined), media: known(media), heartbeat: known(heartbeat), toggled: known(toggled),
  described: known(described), ice: known(ice),
};

/** A result of a call that is over changes nothing. */
function known(handler) {
  return (at, input) => (at.call ? handler(at, input) : undefined);
}

/** `{key, audio, video}`: what getUserMedia gave, as two booleans. */
function media(at, { audio, video }) {
  const { call } = at;
  const hadCamera = call.camera;
  const hadMicrophone = call.microphone;
  call.hasMicrophone = audio;
  if (!audio) call.microphone = false;
  if (!video) call.camera = false;
  if (call.direction === 'outgoing' && !call.initiated) return initiate(at);
  if (!speaks(call)) return;
  if (hadMicrophone && !audio) tellMedia(at, 'call:toggle-audio');
  if (hadCamera && !video) tellMedia(at, 'call:toggle-video');
}

/** The ack of a heartbeat: `{key, ok, data:{status, version}}`. */
function heartbeat({ call, effects }, { ok, data, error }) {
  const over = ok ? isEnd(data?.status) : error?.code === 'CALL_ENDED' || error?.code === 'CALL_NOT_FOUND';
  const missed = ok && typeof data?.version === 'number' && data.version !== call.version;
  if (over || missed) effects.push(ask('call:check-active', undefined, 'activeCalls', call.key));
}

/** The ack of a toggle `{key, event, ok, error?}`: one that a limit refused is told again when the limit allows. */
function toggled({ call, now }, { event, ok, error }) {
  if (ok || !event) return;
  if (error?.code === 'OFFLINE') remember(call.untold, event);
  if (error?.code !== 'RATE_LIMIT_EXCEEDED') return;
  remember(call.untold, event);
  call.retellAt = Math.max(call.retellAt ?? 0, now + (error.retryAfter || 1) * 1000);
}

/** Offer and answer have met: with both people joined the call is answered. */
function described({ call, now }) {
  if (call.peerJoined) call.answeredAt ??= now;
}

/** The ICE state of the connection: `{key, state}`. */
function ice(at, { state: iceState }) {
  const { call, now } = at;
  if (iceState === 'connected' || iceState === 'completed') {
    call.timeline.iceConnected ??= now;
    if (call.lostSince != null && call.everConnected) tellReconnect(at, 'call:reconnected');
    Object.assign(call, { everConnected: true, disturbedSince: null, lostSince: null, lookAt: null, attempts: 0 });
    call.nextHeartbeatAt ??= now + HEARTBEAT;
    call.nextQualityAt ??= now + QUALITY_REPORT;
  } else if (iceState === 'failed') {
    if (call.everConnected) lost(at);
    else call.lookAt = now;
  } else if (iceState === 'disconnected' && call.everConnected) {
    call.disturbedSince ??= now;
  }
}

/** `{up, capabilities?}`: up means connected and authenticated, and then names what the server can. */
function socket(at, { up, capabilities }) {
  const { state, effects, now } = at;
  const wasUp = state.online;
  if (capabilities) state.server = [...capabilities];
  state.online = up;
  if (!up || wasUp) return;
  for (const call of state.calls) {
    const here = { ...at, call };
    if (call.callId && isLive(call)) {
      join(here);
      if (!call.returning) for (const event of call.untold.splice(0)) tellMedia(here, event);
      if (call.peerJoined && (call.lostSince != null || !call.everConnected)) call.lookAt = now;
    } else if (call.direction === 'outgoing' && call.initiated && !call.callId && !call.asks) {
      call.asksAgain = true;
      call.retryInitiateAt = now;
    }
  }
  effects.push(ask('call:check-active', undefined, 'activeCalls', front(state)?.key));
}

/** `{calls: [{callId, microphone, camera, held}]}`: calls to come back to as soon as the server names them. */
function comeback({ state }, { calls }) {
  state.comeback = calls.slice(0, 4);
}

/** `{map}`: my ParticipantId in each conversation, by ConversationId. */
function memberships({ state }, { map }) {
  state.memberships = { ...map };
  for (const call of state.calls) call.myParticipantId ??= map[call.conversationId] ?? null;
}
