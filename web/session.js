// The record of one call and the moves that commands, events and acks share. Pure.
// Every move takes `at`: `{state, effects, now}`, changes the state in place and appends what is to be done.

// The time spans of the contract in milliseconds, by the names of `core/protocol/src/timers.rs`.
/** The caller gives up: so long after initiate, begun again at the first ringing, never longer than the second. */
export const NO_ANSWER = 30_000;
export const NO_ANSWER_MAX = 40_000;
/** A ring that names no deadline ends by itself. */
export const RING_DEADLINE = 45_000;
/** An accepted call without a media path yet. */
export const CONNECT = 30_000;
/** An answered call without a path. */
export const RECONNECT = 60_000;
/** A disturbed path becomes a lost one. */
export const PATH_GRACE = 2_000;
export const ICE_RESTART_INTERVAL = 8_000;
export const HEARTBEAT = 10_000;
export const QUALITY_REPORT = 5_000;
/** An initiate that gets neither ack nor event. */
export const INITIATE_SILENT = 15_000;
/** A peer that left may come straight back with another device. */
export const LEFT_GRACE = 2_000;

const MAX_EARLY = 64;
const MAX_GONE = 64;

/** Starts the call's record. Everything in it is plain data. */
export function newCall(state, given) {
  return {
    key: state.nextKey++, callId: null, version: 0, iceServers: [],
    microphone: true, camera: given.video, hasMicrophone: true,
    initiated: false, rang: false, accepted: false, peerJoined: false, offerer: given.direction === 'outgoing',
    everConnected: false, disturbedSince: null, lostSince: null, lookAt: null, attempts: 0, joinedAt: null,
    remote: { audioEnabled: true, videoEnabled: given.video, held: false, reconnecting: false },
    admitted: false, peerDevice: null, peerRow: null, peerLeftAt: null,
    early: [], untold: [], glare: null, asksAgain: false, doubtful: false,
    deadline: null, retryInitiateAt: null, retryJoinAt: null,
    nextHeartbeatAt: null, nextQualityAt: null, refreshIceAt: null,
    answeredAt: null, myParticipantId: state.memberships[given.conversationId] ?? null, ...given,
  };
}

/** The person, or glare, accepts: `{video?: false}` keeps the camera off. */
export function accept(at, { video } = {}) {
  const { state, effects, now } = at;
  const call = state.call;
  if (!call || call.direction !== 'incoming' || call.accepted) return;
  call.accepted = true;
  call.peerJoined = true;
  call.deadline = null;
  call.lookAt = now + ICE_RESTART_INTERVAL;
  call.joinedAt = now;
  call.nextHeartbeatAt = now + HEARTBEAT;
  call.nextQualityAt = now + QUALITY_REPORT;
  if (video === false) call.camera = false;
  state.timeline.accepted = now;
  effects.push({ do: 'openMedia', key: call.key, video: call.camera });
  effects.push({ do: 'connect', offerer: false, iceServers: call.iceServers });
  join(at);
  at.replay = true;
}

/** Asks the server for the call; what we can send is known by now. */
export function initiate({ state, effects, now }) {
  const call = state.call;
  call.initiated = true;
  call.startedAt = now;
  call.deadline = now + INITIATE_SILENT;
  state.timeline.initiate ??= now;
  effects.push(ask('call:initiate', {
    conversationId: call.conversationId,
    type: call.video ? 'video' : 'audio',
    settings: settings(call),
  }, 'initiated', call.key));
}

/** The ack of `call:initiate`: `{key, ok, data?, error?, silent?}`. */
export function initiated(at, { key, ok, data, error, silent }) {
  const { state, effects, now } = at;
  const call = state.call;
  if (silent) return;
  if (!call || call.key !== key) {
    if (ok && data?.callId) effects.push(late('call:end', { callId: data.callId }));
    return;
  }
  if (call.callId) return;
  if (ok && data?.callId) {
    adopt(at, data);
    return;
  }
  if (error?.code === 'RATE_LIMIT_EXCEEDED' && error.retryAfter > 0 && error.retryAfter <= 10) {
    call.retryInitiateAt = now + error.retryAfter * 1000;
    call.deadline = call.retryInitiateAt + INITIATE_SILENT;
    return;
  }
  if (error?.code === 'CALL_ALREADY_ACTIVE') return alreadyActive(at, error);
  end(at, 'failed', { error });
}

/**
 * The conversation has a call already. It may be our own, when the ack of the first initiate was lost; when two called
 * each other, the loser joins the winner's call. Any other may live on another device or page, and is left alone.
 */
function alreadyActive(at, error) {
  const { state, effects } = at;
  const call = state.call;
  if (call.asksAgain && error.callId && error.initiatorId === state.me.userId) {
    adopt(at, { callId: error.callId });
    call.doubtful = true;
    if (error.status === 'ringing') call.rang = true;
    effects.push(emit('call:request-ice-servers', { callId: call.callId }));
    effects.push(ask('call:check-active', undefined, 'activeCalls', call.key));
    return;
  }
  const theirs = error.callId && error.initiatorId === call.peer.userId;
  if (theirs && (error.status === 'initiated' || error.status === 'ringing')) {
    const glare = call.glare ?? {};
    Object.assign(call, {
      direction: 'incoming', offerer: false, callId: error.callId,
      video: error.type ? error.type === 'video' : call.video,
      iceServers: glare.iceServers ?? call.iceServers, version: glare.version ?? 0,
    });
    accept(at);
    return;
  }
  end(at, 'failed', { error });
}

/** The caller learned its call's id, from the ack or from the event, whichever came first. */
export function adopt(at, { callId, iceServers, ttl, version }) {
  const { state, now } = at;
  const call = state.call;
  call.callId = callId;
  call.version = Math.max(call.version, version ?? 0);
  call.deadline = now + NO_ANSWER;
  call.nextHeartbeatAt = now + HEARTBEAT;
  takeIceServers(at, iceServers, ttl);
  if (!knows(state, 'ringing')) call.rang = true;
  at.replay = true;
}

/** Accepts, or comes back to, the call: the same event says both. */
export function join({ state, effects }) {
  const call = state.call;
  const payload = { callId: call.callId, settings: settings(call) };
  if (state.server.length) payload.deviceId = state.me.deviceId;
  effects.push(ask('call:join', payload, 'joined', call.key));
}

/** The body of `call:join`, as its ack `{key, ok, data?, error?, silent?}` or as the event. */
export function joined(at, { key, ok, data, error, silent }) {
  const { state, now } = at;
  const call = state.call;
  if (!call || call.key !== key || silent) return;
  if (!ok) {
    const again = call.admitted || call.direction === 'outgoing';
    const over = error?.code === 'CALL_ENDED' || error?.code === 'CALL_NOT_FOUND';
    if (error?.code === 'RATE_LIMIT_EXCEEDED') call.retryJoinAt = now + (error.retryAfter || 1) * 1000;
    else if (error?.code !== 'OFFLINE' && (over || !again)) end(at, 'failed', { error });
    return;
  }
  call.admitted = true;
  takeIceServers(at, data?.iceServers, data?.ttl);
  if (data?.callSession) takeSession(at, data.callSession);
}

/** The other person is in: their media flags, their device, and the offer if it is ours to make. */
export function peerJoined(at, participant, iceServers) {
  const { state, effects, now } = at;
  const call = state.call;
  const device = participant.deviceId ?? null;
  takeFlags(call, participant);
  takeIceServers(at, iceServers);
  call.peerLeftAt = null;
  if (call.direction === 'incoming' && !call.accepted) return;
  const moved = call.peerJoined && device && call.peerDevice && device !== call.peerDevice;
  if (device) call.peerDevice = device;
  if (call.peerJoined && !moved) return;
  if (call.direction === 'outgoing') state.timeline.accepted ??= now;
  Object.assign(call, {
    peerJoined: true, joinedAt: now, deadline: null, everConnected: false, disturbedSince: null, lostSince: null, lookAt: now + ICE_RESTART_INTERVAL,
  });
  effects.push({ do: 'connect', offerer: call.offerer, iceServers: call.iceServers });
  at.replay = true;
}

/** A CallSession fetched or returned: what it says that was missed. */
export function takeSession(at, session) {
  const { state } = at;
  const call = state.call;
  if (typeof session.version === 'number') {
    if (session.version < call.version) return;
    call.version = session.version;
  }
  if (isEnd(session.status)) {
    const plain = session.status === 'ended' ? 'completed' : session.status;
    return end(at, session.endReason ?? plain);
  }
  const rows = Array.isArray(session.participants) ? session.participants : [];
  if (call.doubtful) {
    const mine = rows.find((one) => one && !one.leftAt && personOf(one) === state.me.userId);
    if (mine?.deviceId && mine.deviceId !== state.me.deviceId) {
      return end(at, 'failed', { error: { code: 'CALL_ALREADY_ACTIVE', callId: call.callId } });
    }
    call.doubtful = false;
  }
  const peer = rows.find((one) => one && !one.leftAt && personOf(one) === call.peer.userId);
  if (peer && (peer.role !== 'initiator' || call.accepted)) peerJoined(at, peer);
  else if (peer) takeFlags(call, peer);
}

/** `ttl` in seconds; fresh ones are asked for at 80 % of it. */
export function takeIceServers({ state, effects, now }, iceServers, ttl) {
  const call = state.call;
  if (ttl > 0) call.refreshIceAt = now + ttl * 800;
  if (!Array.isArray(iceServers)) return;
  call.iceServers = iceServers;
  effects.push({ do: 'configure', iceServers });
}

/** Ends the current call once; later words about it change nothing but its duration. */
export function end(at, reason, { by = null, error = null, duration = null } = {}) {
  const { state, effects, now } = at;
  const call = state.call;
  if (!call) return;
  state.call = null;
  if (call.callId) remember(state.gone, call.callId);
  state.timeline.ended = now;
  state.lastEnded = {
    callId: call.callId, conversationId: call.conversationId, direction: call.direction, video: call.video,
    peer: call.peer, reason, by, error, answeredAt: call.answeredAt, at: now,
    duration: duration ?? (call.answeredAt ? Math.round((now - call.answeredAt) / 1000) : 0),
  };
  effects.push({ do: 'close', key: call.key });
}

/** Keeps what came for a call before its time, bounded; `at.replay` has it handed out again. */
export function keepEarly(call, name, payload) {
  if (call.early.length < MAX_EARLY) call.early.push({ name, payload });
}

/** What a participant's row says about their microphone, camera and hold. */
export function takeFlags(call, participant) {
  if (typeof participant.isAudioEnabled === 'boolean') call.remote.audioEnabled = participant.isAudioEnabled;
  if (typeof participant.isVideoEnabled === 'boolean') call.remote.videoEnabled = participant.isVideoEnabled;
  if (typeof participant.held === 'boolean') call.remote.held = participant.held;
  call.peerRow = participant.id ?? call.peerRow;
}

function settings(call) {
  return { audioEnabled: call.microphone, videoEnabled: call.camera, screenShareEnabled: false };
}

/** The PeerId of a person, a guest or an event about one. */
export const personOf = (who) => who?.userId ?? who?.anonymousId ?? null;
/** The statuses that are ends; servers other than ours have three more. */
export const isEnd = (status) => ['ended', 'missed', 'rejected', 'failed'].includes(status);
/** Whether the server announced a capability. */
export const knows = (state, capability) => state.server.includes(capability);

export const emit = (event, payload) => ({ do: 'emit', event, payload });
/** An emit that waits for the socket to come back if it must: an end is never lost. */
export const late = (event, payload) => ({ do: 'emit', event, payload, late: true });
/** An emit whose ack comes back as the input `reply`. */
export const ask = (event, payload, reply, key) => ({ do: 'emit', event, payload, reply, key });

/** Adds to a bounded list of ids; the oldest makes room. */
export function remember(list, id) {
  if (!list.includes(id)) list.push(id);
  if (list.length > MAX_GONE) list.shift();
}
