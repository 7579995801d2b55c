// The call as this page lives it: `step(state, input, now)` gives the next state and what is to be done.
// Pure: no socket, no media, no clock. `events.js` holds what the server says, `session.js` the moves.

import { onEvent } from './events.js';
import {
  CONNECT, HEARTBEAT, ICE_RESTART_INTERVAL, LEFT_GRACE, PATH_GRACE, QUALITY_REPORT, RECONNECT,
  accept, ask, emit, end, initiate, initiated, isEnd, join, joined, knows, late, newCall, remember, takeSession,
} from './session.js';

/** The state of a page that is signed in and not in a call: `me` is `{userId, deviceId}`, capabilities the server's. */
export function idle(me, capabilities = []) {
  return {
    me, server: [...capabilities], online: false, memberships: {},
    call: null, lastEnded: null, timeline: {}, gone: [], orphans: [], nextKey: 1,
  };
}

/** One of: preparing, calling, ringing, incoming, connecting, active, reconnecting. Null without a call. */
export function statusOf(state) {
  const call = state.call;
  if (!call) return null;
  if (call.direction === 'incoming' && !call.accepted) return 'incoming';
  if (call.direction === 'outgoing' && !call.peerJoined) {
    if (!call.initiated) return 'preparing';
    return call.rang ? 'ringing' : 'calling';
  }
  if (!call.everConnected) return 'connecting';
  return call.lostSince != null || !state.online || call.remote.reconnecting ? 'reconnecting' : 'active';
}

/** Takes one input and returns `{state, effects}`; the state given is left as it was. */
export function step(before, input, now) {
  const state = structuredClone(before);
  const effects = [];
  const at = { state, effects, now, replay: false };
  HANDLERS[input.type]?.(at, input);
  while (at.replay && state.call) {
    at.replay = false;
    const early = state.call.early;
    state.call.early = [];
    for (const { name, payload } of early) onEvent(at, { name, payload });
  }
  return { state, effects };
}

const HANDLERS = {
  place, accept, decline, hangUp, setMicrophone, setCamera,
  media, initiated, joined, activeCalls, heartbeat,
  event: onEvent,
  described, ice, socket, memberships, tick,
};

// --- what the person does

/** `{conversationId, peer:{userId, username, displayName, avatar?}, video}` */
function place(at, input) {
  const { state, effects } = at;
  if (state.call) return;
  state.call = newCall(state, {
    direction: 'outgoing', conversationId: input.conversationId, peer: input.peer,
    video: input.video, startedAt: at.now,
  });
  state.timeline = {};
  state.lastEnded = null;
  effects.push({ do: 'openMedia', key: state.call.key, video: input.video });
}

function decline(at) {
  const call = at.state.call;
  if (!call || call.direction !== 'incoming' || call.accepted) return;
  at.effects.push(late('call:end', { callId: call.callId, reason: 'rejected' }));
  end(at, 'rejected', { by: 'me' });
}

function hangUp(at) {
  const { state } = at;
  const call = state.call;
  if (!call) return;
  if (call.direction === 'incoming' && !call.accepted) return decline(at);
  if (call.direction === 'outgoing' && !call.peerJoined) {
    if (call.callId) endUnanswered(at, 'cancelled');
    else if (call.initiated) remember(state.orphans, call.conversationId);
    return end(at, 'cancelled', { by: 'me' });
  }
  at.effects.push(late('call:leave', { callId: call.callId }));
  end(at, 'completed', { by: 'me' });
}

function setMicrophone({ state, effects }, { on }) {
  const call = state.call;
  if (!call || call.microphone === on || (on && !call.hasMicrophone)) return;
  call.microphone = on;
  effects.push({ do: 'microphone', on });
  if (speaks(call)) tellMedia({ state, effects }, 'call:toggle-audio', on);
}

function setCamera({ state, effects }, { on }) {
  const call = state.call;
  if (!call || call.camera === on) return;
  call.camera = on;
  effects.push({ do: 'camera', on });
  if (speaks(call)) tellMedia({ state, effects }, 'call:toggle-video', on);
}

// --- what comes of effects

/** `{key, audio, video}`: what getUserMedia gave, as two booleans. */
function media(at, { key, audio, video }) {
  const { state } = at;
  const call = state.call;
  if (!call || call.key !== key) return;
  const hadCamera = call.camera;
  call.hasMicrophone = audio;
  if (!audio) call.microphone = false;
  if (!video) call.camera = false;
  if (call.direction === 'outgoing' && !call.initiated) return initiate(at);
  if (!audio && speaks(call)) tellMedia(at, 'call:toggle-audio', false);
  if (hadCamera && !video && speaks(call)) tellMedia(at, 'call:toggle-video', false);
}

/** The ack of `call:check-active`: `{askedFor, ok, data:{calls}}`; `askedFor` is the call of that moment. */
function activeCalls(at, { askedFor, ok, data }) {
  const call = at.state.call;
  if (!ok || !Array.isArray(data?.calls) || !call?.callId || call.callId !== askedFor) return;
  const session = data.calls.find((one) => one?.id === call.callId);
  if (session && !isEnd(session.status)) return takeSession(at, session);
  const ringing = call.direction === 'incoming' && !call.accepted;
  end(at, session?.endReason ?? (ringing ? 'missed' : call.answeredAt ? 'connectionLost' : 'missed'));
}

/** The ack of a heartbeat: `{key, ok, data:{status, version}}`. */
function heartbeat(at, { key, ok, data, error }) {
  const { state, effects } = at;
  const call = state.call;
  if (!call || call.key !== key) return;
  const over = ok ? isEnd(data?.status) : error?.code === 'CALL_ENDED' || error?.code === 'CALL_NOT_FOUND';
  const missed = ok && typeof data?.version === 'number' && data.version !== call.version;
  if (over || missed) effects.push(ask('call:check-active', undefined, 'activeCalls', call.key));
}

/** Offer and answer have met: with both people joined the call is answered. */
function described({ state, now }, { key }) {
  const call = state.call;
  if (call?.key === key && call.peerJoined) call.answeredAt ??= now;
}

/** The ICE state of the connection: `{key, state}`. */
function ice(at, { key, state: iceState }) {
  const { state, now } = at;
  const call = state.call;
  if (!call || call.key !== key) return;
  if (iceState === 'connected' || iceState === 'completed') {
    state.timeline.iceConnected ??= now;
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

/** The path is gone: told to the other side, and mended from now on. */
function lost(at) {
  const { state, effects, now } = at;
  const call = state.call;
  if (call.lostSince != null) return;
  Object.assign(call, { lostSince: now, disturbedSince: null, attempts: 1, lookAt: now });
  tellReconnect(at, 'call:reconnecting');
  effects.push({ do: 'notice', text: 'The connection was interrupted. Trying to get it back…' });
}

/** `{up, capabilities?}`: up means connected and authenticated, and then names what the server can. */
function socket(at, { up, capabilities }) {
  const { state, effects, now } = at;
  const wasUp = state.online;
  if (capabilities) state.server = [...capabilities];
  state.online = up;
  if (!up || wasUp) return;
  const call = state.call;
  if (call?.callId && (call.accepted || call.direction === 'outgoing')) {
    join(at);
    for (const event of call.untold.splice(0)) {
      tellMedia(at, event, event === 'call:toggle-audio' ? call.microphone : call.camera);
    }
    if (call.peerJoined && (call.lostSince != null || !call.everConnected)) call.lookAt = now;
  } else if (call && call.direction === 'outgoing' && call.initiated && !call.callId) {
    call.asksAgain = true;
    call.retryInitiateAt = now;
  }
  effects.push(ask('call:check-active', undefined, 'activeCalls', call?.key));
}

/** `{map}`: my ParticipantId in each conversation, by ConversationId. */
function memberships({ state }, { map }) {
  state.memberships = { ...map };
  if (state.call) state.call.myParticipantId ??= map[state.call.conversationId] ?? null;
}

/** Time passed: every deadline of the call is looked at here. */
function tick(at) {
  const { state, effects, now } = at;
  const call = state.call;
  if (!call) return;
  const due = (when) => when != null && now >= when;

  if (due(call.deadline)) return deadlinePassed(at);
  if (due(call.peerLeftAt) && now - call.peerLeftAt >= LEFT_GRACE) {
    effects.push(late('call:leave', { callId: call.callId }));
    return end(at, 'completed', { by: 'them' });
  }
  if (call.disturbedSince != null && now - call.disturbedSince >= PATH_GRACE) lost(at);
  if (pathTimedOut(call, now)) {
    const reason = call.everConnected ? 'connectionLost' : 'failed';
    effects.push(late('call:end', { callId: call.callId, reason }));
    return end(at, reason, { error: { code: 'NO_PATH' } });
  }
  if (due(call.retryInitiateAt)) {
    call.retryInitiateAt = null;
    initiate(at);
  }
  if (due(call.retryJoinAt)) {
    call.retryJoinAt = null;
    join(at);
  }
  if (!state.online || !call.callId) return;
  if (due(call.lookAt) && call.peerJoined) mend(at);
  if (due(call.refreshIceAt)) {
    call.refreshIceAt = now + 60_000;
    effects.push(emit('call:request-ice-servers', { callId: call.callId }));
  }
  if (due(call.nextHeartbeatAt)) {
    call.nextHeartbeatAt = now + HEARTBEAT;
    effects.push({ ...ask('call:heartbeat', { callId: call.callId }, 'heartbeat', call.key), brief: true });
  }
  if (due(call.nextQualityAt) && call.everConnected) {
    call.nextQualityAt = now + QUALITY_REPORT;
    effects.push({ do: 'reportQuality', callId: call.callId });
  }
}

function pathTimedOut(call, now) {
  if (call.lostSince != null) return now - call.lostSince >= RECONNECT;
  return call.peerJoined && !call.everConnected && now - call.joinedAt >= CONNECT;
}

function deadlinePassed(at) {
  const call = at.state.call;
  if (call.direction === 'incoming') return end(at, 'missed');
  if (!call.callId) {
    remember(at.state.orphans, call.conversationId);
    return end(at, 'failed', { error: { code: at.state.online ? 'NO_REPLY' : 'OFFLINE' } });
  }
  endUnanswered(at, 'missed');
  end(at, 'missed', { by: 'me' });
}

/** The path is broken or never came: the offerer restarts ICE, the other side asks it to. */
function mend(at) {
  const { state, effects, now } = at;
  const call = state.call;
  call.lookAt = now + ICE_RESTART_INTERVAL;
  if (call.lostSince != null && call.attempts > 1) tellReconnect(at, 'call:reconnecting');
  call.attempts = Math.min(10, call.attempts + 1);
  if (call.offerer) effects.push({ do: 'restart' });
  else if (knows(state, 'negotiate')) {
    effects.push(emit('call:negotiate', { callId: call.callId, to: call.peer.userId, reason: 'restart' }));
  }
}

/** What was switched without a socket is told when there is one again. */
function tellMedia({ state, effects }, event, enabled) {
  const call = state.call;
  if (state.online) effects.push(emit(event, { callId: call.callId, enabled }));
  else remember(call.untold, event);
}

function endUnanswered({ state, effects }, reason) {
  const payload = { callId: state.call.callId };
  if (reason === 'missed' || state.server.length) payload.reason = reason;
  effects.push(late('call:end', payload));
}

function tellReconnect({ state, effects }, event) {
  const call = state.call;
  effects.push(emit(event, {
    callId: call.callId, participantId: call.myParticipantId ?? state.me.userId,
    attempt: Math.min(10, Math.max(1, call.attempts)),
  }));
}

const speaks = (call) => call.callId && (call.accepted || call.direction === 'outgoing');
