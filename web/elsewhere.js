// Calls that live where this page is not: glare, another device or tab, a page that was reloaded. Pure.

import {
  ASKING, CONNECT, NO_ANSWER, accept, adopt, ask, emit, end, initiate, isEnd, join, late, newCall, personOf,
} from './session.js';

/** The ack of `call:initiate`: `{key, ok, data?, error?, silent?}`. */
export function initiated(at, { ok, data, error, silent }) {
  const { call, effects, now } = at;
  if (silent) return;
  if (!call) {
    if (ok && data?.callId) effects.push(late('call:end', { callId: data.callId }));
    return;
  }
  if (call.callId) return;
  if (ok && data?.callId) return adopt(at, data);
  if (error?.code === 'RATE_LIMIT_EXCEEDED' && error.retryAfter > 0 && error.retryAfter <= 10) {
    call.retryInitiateAt = now + error.retryAfter * 1000;
    call.deadline = call.retryInitiateAt + NO_ANSWER;
    return;
  }
  if (error?.code === 'CALL_ALREADY_ACTIVE' && error.callId) return alreadyActive(at, error);
  end(at, 'failed', { error });
}

/**
 * The conversation has a call already. It may be our own, when the ack of the first initiate was lost. When two called
 * each other, the loser joins the winner's call without asking. About any other the person is asked.
 */
function alreadyActive(at, error) {
  const { state, call, effects, now } = at;
  const mine = error.initiatorId === state.me.userId;
  if (call.asksAgain && mine) {
    adopt(at, { callId: error.callId });
    call.doubtful = true;
    if (error.status === 'ringing') call.rang = true;
    effects.push(emit('call:request-ice-servers', { callId: call.callId }));
    effects.push(ask('call:check-active', undefined, 'activeCalls', call.key));
    return;
  }
  const fresh = error.status === 'initiated' || error.status === 'ringing';
  const direct = (error.conversationType ?? 'direct') === 'direct';
  if (fresh && direct && error.initiatorId === call.peer.userId) {
    const glare = call.glare ?? {};
    become(call, error, 'incoming');
    call.iceServers = glare.iceServers ?? call.iceServers;
    call.version = glare.version ?? 0;
    accept(at);
    return;
  }
  const { callId, initiatorId, status, type } = error;
  call.asks = { callId, initiatorId, status, type, mine };
  call.deadline = now + ASKING;
}

/** `{key}`: yes, join the call that was found instead of the one that was to be made. */
export function joinFound(at) {
  const { call, now } = at;
  const found = call?.asks;
  if (!found) return;
  become(call, found, found.mine ? 'outgoing' : 'incoming');
  Object.assign(call, { asks: null, accepted: true, returning: true, rang: found.status !== 'initiated', deadline: now + CONNECT });
  join(at);
}

/** `{key}`: no, leave every call of mine there and make a new one. */
export function freeFound(at) {
  const { call, effects } = at;
  if (!call?.asks) return;
  effects.push(ask('call:force-leave', { conversationId: call.conversationId }, 'freed', call.key));
}

/** The ack of `call:force-leave`. A server without acks is tried all the same. */
export function freed(at, { ok, silent, error }) {
  const { call } = at;
  if (!call?.asks) return;
  if (!ok && !silent) return end(at, 'failed', { error });
  call.asks = null;
  initiate(at);
}

function become(call, found, direction) {
  Object.assign(call, {
    direction, offerer: direction === 'outgoing', callId: found.callId,
    video: found.type ? found.type === 'video' : call.video,
  });
}

/**
 * The ack of `call:check-active`: `{askedFor, ok, data:{calls}}`; `askedFor` lists the calls of that moment. Those that
 * are not among the answer are over; those in which I am without this page knowing are offered, or come back to.
 */
export function activeCalls(at, { askedFor, ok, data }, take) {
  const { state } = at;
  if (!ok || !Array.isArray(data?.calls)) return;
  const sessions = data.calls.filter((one) => typeof one?.id === 'string');
  for (const call of state.calls.filter(({ callId }) => callId && askedFor?.includes(callId))) {
    const session = sessions.find(({ id }) => id === call.callId);
    const here = { ...at, call };
    if (session && !isEnd(session.status)) take(here, session);
    else if (!call.asks) end(here, session?.endReason ?? (call.answeredAt ? 'connectionLost' : 'missed'));
  }
  state.elsewhere = sessions
    .filter(({ id, status }) => !isEnd(status) && !state.calls.some(({ callId }) => callId === id))
    .flatMap((session) => found(state, session));
  for (const { callId, ...how } of state.comeback.splice(0)) takeOver(at, { callId, ...how });
}

/** A session in which I and somebody else are, as what can be offered. */
function found(state, session) {
  const present = (Array.isArray(session.participants) ? session.participants : []).filter((one) => one && !one.leftAt);
  const me = present.find((one) => personOf(one) === state.me.userId);
  const peer = present.find((one) => personOf(one) !== state.me.userId);
  if (!me || !peer) return [];
  return [{
    callId: session.id, conversationId: session.conversationId, initiatorId: session.initiatorId,
    video: session.metadata?.type !== 'audio', answeredAt: Date.parse(session.answeredAt ?? '') || null,
    peer: {
      userId: personOf(peer), username: peer.username ?? '',
      displayName: peer.displayName ?? peer.username ?? 'Somebody', avatar: peer.avatar ?? null,
    },
  }];
}

/** `{callId, microphone?, camera?, held?}`: takes a call of mine that lives elsewhere to this page. */
export function takeOver(at, { callId, microphone = true, camera, held = false }) {
  const { state, effects, now } = at;
  const one = state.elsewhere.find((other) => other.callId === callId);
  if (!one) return;
  state.elsewhere = state.elsewhere.filter((other) => other !== one);
  const call = newCall(state, {
    direction: one.initiatorId === state.me.userId ? 'outgoing' : 'incoming', callId, conversationId: one.conversationId,
    video: one.video, peer: one.peer, startedAt: now, answeredAt: one.answeredAt,
    initiated: true, accepted: true, rang: true, returning: true, deadline: now + CONNECT,
    microphone, camera: camera ?? one.video, held, nextHeartbeatAt: null,
  });
  state.lastEnded = null;
  if (!held) effects.push({ do: 'openMedia', key: call.key, video: call.camera });
  join({ ...at, call });
}

/** `{conversationId}`: ends a call of mine that lives elsewhere. */
export function endElsewhere({ state, effects }, { conversationId }) {
  effects.push(emit('call:force-leave', { conversationId }));
  state.elsewhere = state.elsewhere.filter((other) => other.conversationId !== conversationId);
}
