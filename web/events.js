// What each event of the server does to the calls of this page. Pure, the server's half of `call.js`.
// Not here: what the person does, timers and acks.

import { initiated } from './elsewhere.js';
import {
  NO_ANSWER, NO_ANSWER_MAX, RING_DEADLINE, adopt, ask, emit, end, isLive, joined, keepEarly, knows, late,
  newCall, peerJoined, personOf, remember, rings, takeFlags, takeIceServers,
} from './session.js';
import { shortName } from './words.js';

/** Events that are no statement about the session, so that their version says nothing about their age. */
const UNVERSIONED = new Set(['call:signal', 'call:negotiate', 'call:initiated', 'call:ended', 'call:error']);

/** `{name, payload}`: unknown names and malformed payloads are ignored; an event of one call never touches another. */
export function onEvent(at, { name, payload }) {
  const handler = Object.hasOwn(EVENTS, name) ? EVENTS[name] : null;
  if (!handler || payload === null || typeof payload !== 'object') return;
  const { calls } = at.state;
  const callId = payload.callId ?? payload.callSession?.id;
  const call = (callId != null && calls.find((one) => one.callId === callId)) || null;
  if (FOR_ANY_CALL.has(name)) return handler({ ...at, call }, payload);
  if (!call) {
    const unnamed = calls.find((one) => one.initiated && !one.callId && !one.asks);
    if (unnamed) keepEarly(unnamed, name, payload);
    return;
  }
  if (typeof payload.version === 'number' && !UNVERSIONED.has(name)) {
    if (payload.version < call.version) return;
    call.version = payload.version;
  }
  handler({ ...at, call }, payload);
}

const FOR_ANY_CALL = new Set(['call:initiated', 'call:ended', 'call:error', 'call:force-leave', 'call:missed']);

const EVENTS = {
  'call:initiated': onInitiated,
  'call:ringing': onRinging,
  'call:join': (at, body) => joined(at, { ok: true, data: body.data ?? body }),
  'call:participant-joined': onParticipantJoined,
  'call:participant-left': onParticipantLeft,
  'call:signal': onSignal,
  'call:negotiate': onNegotiate,
  'call:media-toggled': onMediaToggled,
  'call:ended': onEnded,
  'call:missed': onMissed,
  'call:already-answered': onAlreadyAnswered,
  'call:force-leave': onForceLeave,
  'call:ice-servers-refreshed': (at, { iceServers, ttl }) => takeIceServers(at, iceServers, ttl),
  'call:quality-alert': onQualityAlert,
  'call:reconnecting': (at, body) => { if (fromPeer(at, body)) at.call.remote.reconnecting = true; },
  'call:reconnected': (at, body) => { if (fromPeer(at, body)) at.call.remote.reconnecting = false; },
  'call:error': onError,
};

function onInitiated(at, body) {
  const { state, effects } = at;
  if (typeof body.callId !== 'string' || at.call || state.gone.includes(body.callId)) return;
  const placing = state.calls.find((one) => one.direction === 'outgoing' && !one.callId
    && one.conversationId === body.conversationId);
  if (personOf(body.initiator) === state.me.userId) {
    if (placing?.initiated && !placing.asks) adopt({ ...at, call: placing }, body);
    else if (state.orphans.includes(body.conversationId)) {
      state.orphans = state.orphans.filter((id) => id !== body.conversationId);
      effects.push(late('call:end', { callId: body.callId }));
    }
    return;
  }
  if (placing) placing.glare = body;
  else if (!state.calls.length || (state.takesWaiting && !state.calls.slice(1).some(rings))) startIncoming(at, body);
  else effects.push(emit('call:end', { callId: body.callId, reason: state.server.length ? 'busy' : 'rejected' }));
}

/** Rings for a call that another person started. */
function startIncoming({ state, effects, now }, body) {
  const initiator = body.initiator ?? {};
  const given = Date.parse(body.ringDeadline ?? '') - now;
  const ringMs = Number.isFinite(given) ? Math.min(RING_DEADLINE, Math.max(5_000, given)) : RING_DEADLINE;
  const call = newCall(state, {
    direction: 'incoming', callId: body.callId, conversationId: body.conversationId, video: body.type !== 'audio',
    peer: {
      userId: personOf(initiator), username: initiator.username ?? '',
      displayName: initiator.displayName ?? initiator.username ?? 'Somebody', avatar: initiator.avatar ?? null,
    },
    startedAt: now, deadline: now + ringMs,
    iceServers: Array.isArray(body.iceServers) ? body.iceServers : [],
    version: typeof body.version === 'number' ? body.version : 0,
    timeline: { initiate: now, ringing: now },
  });
  const row = (Array.isArray(body.participants) ? body.participants : []).find((one) => personOf(one) === call.peer.userId);
  if (row) {
    takeFlags(call, row);
    call.peerDevice = row.deviceId ?? null;
    if (Array.isArray(row.capabilities)) call.peerKnows = row.capabilities;
  }
  state.lastEnded = null;
  if (knows(state, 'ringing')) {
    effects.push(emit('call:ringing', { callId: body.callId, deviceId: state.me.deviceId }));
  }
}

function onRinging({ call, now }) {
  if (call.direction !== 'outgoing' || call.peerJoined || call.timeline.ringing != null) return;
  call.rang = true;
  call.timeline.ringing = now;
  call.deadline = Math.min(now + NO_ANSWER, call.startedAt + NO_ANSWER_MAX);
}

function onParticipantJoined(at, body) {
  const { state, call } = at;
  const who = personOf(body.participant);
  if (!who || who === state.me.userId) return;
  if (who !== call.peer.userId && (call.peerJoined || rings(call))) return;
  peerJoined(at, body.participant, body.iceServers);
}

function onParticipantLeft({ call, now }, body) {
  const who = personOf(body);
  const isPeer = who ? who === call.peer.userId : body.participantId != null && body.participantId === call.peerRow;
  if (isPeer && call.peerJoined) call.peerLeftAt = now;
}

function onSignal(at, { signal }) {
  const { state, call, effects } = at;
  if (!signal || signal.to !== state.me.userId) return;
  if (!call.peerJoined) return keepEarly(call, 'call:signal', { callId: call.callId, signal });
  if (signal.from !== call.peer.userId) return;
  if (signal.toDevice && signal.toDevice !== state.me.deviceId) return;
  if (signal.fromDevice && call.peerDevice && signal.fromDevice !== call.peerDevice) return;
  if (signal.fromDevice) call.peerDevice ??= signal.fromDevice;
  effects.push({ do: 'signal', key: call.key, signal });
}

function onNegotiate({ state, call, effects }, body) {
  if (!call.offerer || !call.peerJoined || (body.to && body.to !== state.me.userId)) return;
  effects.push({ do: body.reason === 'tracks' ? 'offer' : 'restart', key: call.key });
}

function onMediaToggled(at, body) {
  if (!fromPeer(at, body)) return;
  const flag = { audio: 'audioEnabled', video: 'videoEnabled', screen: 'screenEnabled', hold: 'held' }[body.mediaType];
  if (flag) at.call.remote[flag] = Boolean(body.enabled);
}

function onEnded(at, body) {
  const { state, call } = at;
  if (typeof body.callId !== 'string') return;
  state.elsewhere = state.elsewhere.filter(({ callId }) => callId !== body.callId);
  if (!call) {
    for (const one of state.calls) {
      if (one.initiated && !one.callId && !one.asks) keepEarly(one, 'call:ended', body);
      if (one.asks?.callId === body.callId) end({ ...at, call: one }, 'failed', { error: { code: 'CALL_ENDED' } });
    }
    remember(state.gone, body.callId);
    const last = state.lastEnded;
    if (last?.callId === body.callId && last.answeredAt && body.duration > 0) last.duration = body.duration;
    return;
  }
  const mine = body.endedBy != null && body.endedBy === state.me.userId;
  const by = body.endedBy == null ? null : mine ? 'me' : 'them';
  let reason = body.reason;
  if (rings(call) && mine) reason = 'declinedElsewhere';
  else if (!reason) reason = call.answeredAt ? 'completed' : rings(call) ? 'cancelled' : 'missed';
  end(at, reason, { by, duration: body.duration > 0 ? body.duration : null });
}

function onMissed(at, body) {
  const { state, call } = at;
  if (call && rings(call)) end(at, 'missed');
  else if (!call && typeof body.callId === 'string') remember(state.gone, body.callId);
}

/** Told to every other device of mine; the call that goes on there can be taken over. */
function onAlreadyAnswered(at, body) {
  const { state, call, effects } = at;
  if (call.direction !== 'incoming') return;
  const elsewhere = body.deviceId ? body.deviceId !== state.me.deviceId : !call.accepted;
  if (!elsewhere) return;
  end(at, 'answeredElsewhere');
  effects.push(ask('call:check-active', undefined, 'activeCalls'));
}

function onForceLeave(at, body) {
  const { state, call } = at;
  if (body.callId && !call) return;
  for (const one of call ? [call] : [...state.calls]) {
    const reason = body.code ?? (isLive(one) ? 'answeredElsewhere' : 'cancelled');
    end({ ...at, call: one }, reason, { by: 'elsewhere' });
  }
}

function onQualityAlert(at, body) {
  if (!fromPeer(at, body)) return;
  at.effects.push({ do: 'notice', text: `${shortName(at.call.peer)}’s connection is weak.` });
}

/** Never fatal when it is a limit or names another call; without an id it answers an initiate that is under way. */
function onError(at, error) {
  const { state, call, effects } = at;
  if (call) {
    if (error.code === 'CALL_ENDED' || error.code === 'CALL_NOT_FOUND') {
      effects.push(ask('call:check-active', undefined, 'activeCalls', call.key));
    }
    return;
  }
  if (error.callId && error.code !== 'CALL_ALREADY_ACTIVE') return;
  const placing = state.calls.find((one) => one.initiated && !one.callId && !one.asks);
  if (placing) initiated({ ...at, call: placing }, { ok: false, error });
}

function fromPeer({ state, call }, body) {
  const who = personOf(body);
  if (who) return who === call.peer.userId;
  return body.participantId != null && body.participantId !== state.me.userId && body.participantId !== call.myParticipantId;
}
