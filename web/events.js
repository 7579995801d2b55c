// What each event of the server does to the call of this page. Pure, the server's half of `call.js`.
// Not here: what the person does, timers and acks.

import {
  NO_ANSWER, NO_ANSWER_MAX, RING_DEADLINE, adopt, ask, emit, end, initiated, joined, keepEarly, knows, late,
  newCall, peerJoined, personOf, remember, takeFlags,
  takeIceServers,
} from './session.js';
import { shortName } from './words.js';

/** Events that are no statement about the session, so that their version says nothing about their age. */
const UNVERSIONED = new Set(['call:signal', 'call:negotiate', 'call:initiated', 'call:ended', 'call:error']);

/** `{name, payload}`: unknown names and malformed payloads are ignored; other calls never touch this one. */
export function onEvent(at, { name, payload }) {
  const handler = Object.hasOwn(EVENTS, name) ? EVENTS[name] : null;
  if (!handler || payload === null || typeof payload !== 'object') return;
  const call = at.state.call;
  if (FOR_ANY_CALL.has(name)) return handler(at, payload);
  if (!call) return;
  const callId = payload.callId ?? payload.callSession?.id;
  if (!call.callId && call.initiated) return keepEarly(call, name, payload);
  if (callId !== call.callId) return;
  if (typeof payload.version === 'number' && !UNVERSIONED.has(name)) {
    if (payload.version < call.version) return;
    call.version = payload.version;
  }
  handler(at, payload);
}

const FOR_ANY_CALL = new Set(['call:initiated', 'call:ended', 'call:error', 'call:force-leave', 'call:missed']);

const EVENTS = {
  'call:initiated': onInitiated,
  'call:ringing': onRinging,
  'call:join': (at, body) => joined(at, { key: at.state.call.key, ok: true, data: body.data ?? body }),
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
  'call:reconnecting': (at, body) => { if (fromPeer(at, body)) at.state.call.remote.reconnecting = true; },
  'call:reconnected': (at, body) => { if (fromPeer(at, body)) at.state.call.remote.reconnecting = false; },
  'call:error': onError,
};

function onInitiated(at, body) {
  const { state, effects } = at;
  const call = state.call;
  if (typeof body.callId !== 'string' || call?.callId === body.callId) return;
  if (state.gone.includes(body.callId)) return;
  if (personOf(body.initiator) === state.me.userId) {
    if (call?.direction === 'outgoing' && call.initiated && !call.callId && call.conversationId === body.conversationId) {
      adopt(at, body);
    } else if (state.orphans.includes(body.conversationId)) {
      state.orphans = state.orphans.filter((id) => id !== body.conversationId);
      effects.push(late('call:end', { callId: body.callId }));
    }
    return;
  }
  if (!call) return startIncoming(at, body);
  const sameTwo = call.direction === 'outgoing' && !call.callId && call.conversationId === body.conversationId;
  if (sameTwo) call.glare = body;
  else effects.push(emit('call:end', { callId: body.callId, reason: state.server.length ? 'busy' : 'rejected' }));
}

/** Rings for a call that another person started. */
function startIncoming(at, body) {
  const { state, effects, now } = at;
  const initiator = body.initiator ?? {};
  const given = Date.parse(body.ringDeadline ?? '') - now;
  const ringMs = Number.isFinite(given) ? Math.min(RING_DEADLINE, Math.max(5_000, given)) : RING_DEADLINE;
  state.call = newCall(state, {
    direction: 'incoming', callId: body.callId, conversationId: body.conversationId, video: body.type !== 'audio',
    peer: {
      userId: personOf(initiator), username: initiator.username ?? '',
      displayName: initiator.displayName ?? initiator.username ?? 'Somebody', avatar: initiator.avatar ?? null,
    },
    startedAt: now, deadline: now + ringMs,
    iceServers: Array.isArray(body.iceServers) ? body.iceServers : [],
    version: typeof body.version === 'number' ? body.version : 0,
  });
  const row = (Array.isArray(body.participants) ? body.participants : [])
    .find((one) => personOf(one) === state.call.peer.userId);
  if (row) takeFlags(state.call, row);
  state.lastEnded = null;
  state.timeline = { initiate: now, ringing: now };
  if (knows(state, 'ringing')) {
    effects.push(emit('call:ringing', { callId: body.callId, deviceId: state.me.deviceId }));
  }
}

function onRinging(at, body) {
  const { state, now } = at;
  const call = state.call;
  if (call.direction !== 'outgoing' || call.peerJoined) return;
  if (state.timeline.ringing != null) return;
  call.rang = true;
  state.timeline.ringing = now;
  call.deadline = Math.min(now + NO_ANSWER, call.startedAt + NO_ANSWER_MAX);
}

function onParticipantJoined(at, body) {
  const participant = body.participant ?? {};
  if (personOf(participant) !== at.state.call.peer.userId) return;
  peerJoined(at, participant, body.iceServers);
}

function onParticipantLeft(at, body) {
  const call = at.state.call;
  const who = personOf(body);
  const isPeer = who ? who === call.peer.userId : body.participantId != null && body.participantId === call.peerRow;
  if (isPeer && call.peerJoined) call.peerLeftAt = at.now;
}

function onSignal(at, { signal }) {
  const { state, effects } = at;
  const call = state.call;
  if (!signal || signal.from !== call.peer.userId || signal.to !== state.me.userId) return;
  if (signal.toDevice && signal.toDevice !== state.me.deviceId) return;
  if (signal.fromDevice && call.peerDevice && signal.fromDevice !== call.peerDevice) return;
  const ready = call.direction === 'incoming' ? call.accepted : call.peerJoined;
  if (!ready) return keepEarly(call, 'call:signal', { callId: call.callId, signal });
  if (signal.fromDevice) call.peerDevice ??= signal.fromDevice;
  effects.push({ do: 'signal', signal });
}

function onNegotiate(at, body) {
  const { state, effects } = at;
  const call = state.call;
  if (!call.offerer || !call.peerJoined || (body.to && body.to !== state.me.userId)) return;
  effects.push({ do: body.reason === 'tracks' ? 'offer' : 'restart' });
}

function onMediaToggled(at, body) {
  if (!fromPeer(at, body)) return;
  const remote = at.state.call.remote;
  if (body.mediaType === 'audio') remote.audioEnabled = Boolean(body.enabled);
  if (body.mediaType === 'video') remote.videoEnabled = Boolean(body.enabled);
  if (body.mediaType === 'hold') remote.held = Boolean(body.enabled);
}

function onEnded(at, body) {
  const { state } = at;
  const call = state.call;
  if (typeof body.callId !== 'string') return;
  if (call && !call.callId && call.initiated) keepEarly(call, 'call:ended', body);
  if (!call || call.callId !== body.callId) {
    remember(state.gone, body.callId);
    const last = state.lastEnded;
    if (last?.callId === body.callId && last.answeredAt && body.duration > 0) last.duration = body.duration;
    return;
  }
  const mine = body.endedBy != null && body.endedBy === state.me.userId;
  const by = body.endedBy == null ? null : mine ? 'me' : 'them';
  const ringing = call.direction === 'incoming' && !call.accepted;
  let reason = body.reason;
  if (ringing && mine) reason = 'declinedElsewhere';
  else if (!reason) reason = call.answeredAt ? 'completed' : ringing ? 'cancelled' : 'missed';
  end(at, reason, { by, duration: body.duration > 0 ? body.duration : null });
}

function onMissed(at, body) {
  const call = at.state.call;
  if (call && call.callId === body.callId && call.direction === 'incoming' && !call.accepted) end(at, 'missed');
  else if (typeof body.callId === 'string' && call?.callId !== body.callId) remember(at.state.gone, body.callId);
}

function onAlreadyAnswered(at, body) {
  const { state } = at;
  const call = state.call;
  if (call.direction !== 'incoming') return;
  const elsewhere = body.deviceId ? body.deviceId !== state.me.deviceId : !call.accepted;
  if (elsewhere) end(at, 'answeredElsewhere');
}

function onForceLeave(at, body) {
  const call = at.state.call;
  if (call && (!body.callId || body.callId === call.callId)) {
    end(at, call.accepted || call.direction === 'outgoing' ? 'answeredElsewhere' : 'cancelled');
  }
}

function onQualityAlert(at, body) {
  if (!fromPeer(at, body)) return;
  at.effects.push({ do: 'notice', text: `${shortName(at.state.call.peer)}’s connection is weak.` });
}

/** Never fatal when it is a limit or names another call; without an id it answers an initiate that is under way. */
function onError(at, error) {
  const { state, effects } = at;
  const call = state.call;
  if (!call || (error.callId && error.callId !== call.callId && error.code !== 'CALL_ALREADY_ACTIVE')) return;
  if (call.initiated && !call.callId) return initiated(at, { key: call.key, ok: false, error });
  if (error.code === 'RATE_LIMIT_EXCEEDED') return;
  if (error.callId && (error.code === 'CALL_ENDED' || error.code === 'CALL_NOT_FOUND')) {
    effects.push(ask('call:check-active', undefined, 'activeCalls', call.key));
  }
}

function fromPeer(at, body) {
  const { call, me } = at.state;
  const who = personOf(body);
  if (who) return who === call.peer.userId;
  return body.participantId != null && body.participantId !== me.userId && body.participantId !== call.myParticipantId;
}
