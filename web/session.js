// The record of one call and the moves that commands, events and acks share. Pure.
// Every move takes `at`: `{state, call, effects, now}`, changes the state in place and appends what is to be done.

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
/** A question to the person that nobody answers. */
export const ASKING = 60_000;

const MAX_EARLY = 64;
const MAX_GONE = 64;

/** Starts a call's record and lists it. Everything in it is plain data. */
export function newCall(state, given) {
  const call = {
    key: state.nextKey++, callId: null, version: 0, iceServers: [], timeline: {},
    microphone: true, camera: given.video, hasMicrophone: true, screen: false, screenBeside: false, held: false,
    initiated: false, rang: false, accepted: false, peerJoined: false, offerer: given.direction === 'outgoing',
    everConnected: false, disturbedSince: null, lostSince: null, lookAt: null, attempts: 0, joinedAt: null,
    remote: { audioEnabled: true, videoEnabled: given.video, screenEnabled: false, held: false, reconnecting: false },
    admitted: false, returning: false, peerDevice: null, peerKnows: [], peerRow: null, peerLeftAt: null,
    early: [], untold: [], glare: null, asks: null, asksAgain: false, doubtful: false,
    deadline: null, retryInitiateAt: null, retryJoinAt: null, retellAt: null,
    nextHeartbeatAt: null, nextQualityAt: null, refreshIceAt: null,
    answeredAt: null, myParticipantId: state.memberships[given.conversationId] ?? null, ...given,
  };
  state.calls.push(call);
  return call;
}

/** The call that has the microphone: the live one, else a held one, else the first that rings. Null without any. */
export function front(state) {
  return state.calls.find((call) => isLive(call) && !call.held)
    ?? state.calls.find(isLive) ?? state.calls[0] ?? null;
}

/** The call that rings while another is in front, or null. */
export const waiting = (state) => state.calls.find((call) => rings(call) && call !== front(state)) ?? null;

/** Whether the call rings here and waits for the person. */
export const rings = (call) => call.direction === 'incoming' && !call.accepted;
/** Whether the person is in the call or has placed it. */
export const isLive = (call) => !rings(call);
/** Whether events about media may be said in the call. */
export const speaks = (call) => Boolean(call.callId) && isLive(call) && !call.returning;

/** The person, or glare, accepts: `{video?: false}` keeps the camera off. */
export function accept(at, { video } = {}) {
  const { call, effects, now } = at;
  if (!call || !rings(call)) return;
  call.accepted = true;
  call.peerJoined = true;
  call.deadline = null;
  call.lookAt = now + ICE_RESTART_INTERVAL;
  call.joinedAt = now;
  call.nextHeartbeatAt = now + HEARTBEAT;
  call.nextQualityAt = now + QUALITY_REPORT;
  if (video === false) call.camera = false;
  call.timeline.accepted = now;
  effects.push({ do: 'openMedia', key: call.key, video: call.camera });
  connect(at);
  join(at);
  call.again = true;
}

/** Opens the call's connection; both ends know who offers, and who gives way when both do. */
export function connect({ call, effects }) {
  effects.push({
    do: 'connect', key: call.key, offerer: call.offerer, iceServers: call.iceServers,
    screen: call.peerKnows.includes('screen'),
  });
}

/** Asks the server for the call; what we can send is known by now. */
export function initiate({ call, effects, now }) {
  call.initiated = true;
  call.startedAt = now;
  call.deadline = now + INITIATE_SILENT;
  call.timeline.initiate ??= now;
  effects.push(ask('call:initiate', {
    conversationId: call.conversationId,
    type: call.video ? 'video' : 'audio',
    settings: settings(call),
  }, 'initiated', call.key));
}

/** The caller learned its call's id, from the ack or from the event, whichever came first. */
export function adopt(at, { callId, iceServers, ttl, version }) {
  const { state, call, now } = at;
  call.callId = callId;
  call.version = Math.max(call.version, version ?? 0);
  call.deadline = now + NO_ANSWER;
  call.nextHeartbeatAt = now + HEARTBEAT;
  takeIceServers(at, iceServers, ttl);
  if (!knows(state, 'ringing')) call.rang = true;
  call.again = true;
}

/** Accepts, or comes back to, the call: the same event says both. */
export function join({ state, call, effects }) {
  const payload = { callId: call.callId, settings: settings(call) };
  if (state.server.length) payload.deviceId = state.me.deviceId;
  effects.push(ask('call:join', payload, 'joined', call.key));
}

/** The body of `call:join`, as its ack `{ok, data?, error?, silent?}` or as the event. */
export function joined(at, { ok, data, error, silent }) {
  const { call, now } = at;
  if (silent) return;
  if (!ok) {
    const again = call.admitted || (call.direction === 'outgoing' && !call.returning);
    const over = error?.code === 'CALL_ENDED' || error?.code === 'CALL_NOT_FOUND';
    if (error?.code === 'RATE_LIMIT_EXCEEDED') call.retryJoinAt = now + (error.retryAfter || 1) * 1000;
    else if (error?.code !== 'OFFLINE' && (over || !again)) end(at, 'failed', { error });
    return;
  }
  const first = !call.admitted;
  call.admitted = true;
  takeIceServers(at, data?.iceServers, data?.ttl);
  if (call.returning) {
    call.returning = false;
    call.deadline = call.direction === 'outgoing' ? now + NO_ANSWER : null;
  }
  if (data?.callSession) takeSession(at, data.callSession);
  if (first && call.held && at.state.calls.includes(call)) tellMedia(at, 'call:hold');
}

/** The other person is in: their media flags, their device, and the offer if it is ours to make. */
export function peerJoined(at, participant, iceServers) {
  const { call, now } = at;
  const device = participant.deviceId ?? null;
  const who = personOf(participant);
  if (call.peer.userId !== who) {
    const displayName = participant.displayName ?? participant.username ?? call.peer.displayName;
    call.peer = { userId: who, username: participant.username ?? '', displayName, avatar: participant.avatar ?? null };
  }
  takeFlags(call, participant);
  takeIceServers(at, iceServers);
  call.peerLeftAt = null;
  call.remote.reconnecting = false;
  if (rings(call)) return;
  const moved = call.peerJoined && device && call.peerDevice && device !== call.peerDevice;
  if (device) call.peerDevice = device;
  if (Array.isArray(participant.capabilities)) call.peerKnows = participant.capabilities.filter((one) => typeof one === 'string');
  if (call.peerJoined && !moved) return;
  if (call.direction === 'outgoing') call.timeline.accepted ??= now;
  Object.assign(call, {
    peerJoined: true, joinedAt: now, deadline: null, everConnected: false, disturbedSince: null, lostSince: null,
    lookAt: now + ICE_RESTART_INTERVAL,
  });
  call.nextHeartbeatAt ??= now + HEARTBEAT;
  connect(at);
  call.again = true;
}

/** A CallSession fetched or returned: what it says that was missed. */
export function takeSession(at, session) {
  const { state, call } = at;
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
  const present = rows.filter((one) => one && !one.leftAt && personOf(one) !== state.me.userId);
  const peer = present.find((one) => personOf(one) === call.peer.userId) ?? (call.peerJoined ? null : present[0]);
  if (peer && (peer.role !== 'initiator' || call.accepted)) peerJoined(at, peer);
  else if (peer) takeFlags(call, peer);
}

/** `ttl` in seconds; fresh ones are asked for at 80 % of it. */
export function takeIceServers({ call, effects, now }, iceServers, ttl) {
  if (ttl > 0) call.refreshIceAt = now + ttl * 800;
  if (!Array.isArray(iceServers)) return;
  call.iceServers = iceServers;
  effects.push({ do: 'configure', key: call.key, iceServers });
}

/**
 * What each toggle says of a call. A screen that takes the camera's place is a picture of ours; where the server does not
 * know of holding, a held call has neither sound nor picture.
 */
const TOGGLES = {
  'call:toggle-audio': (call, silent) => call.microphone && !silent,
  'call:toggle-video': (call, silent) => (call.camera || (call.screen && !call.screenBeside)) && !silent,
  'call:toggle-screen': (call) => call.screen,
  'call:hold': (call) => call.held,
};

/** Tells a toggle as it is now. What cannot be said now is told when it can. */
export function tellMedia({ state, call, effects }, event) {
  if (event === 'call:toggle-screen' && !knows(state, 'screen')) return;
  if (event === 'call:hold' && !knows(state, 'hold')) {
    for (const plain of ['call:toggle-audio', 'call:toggle-video']) tellMedia({ state, call, effects }, plain);
    return;
  }
  if (!state.online) return remember(call.untold, event);
  const enabled = Boolean(TOGGLES[event](call, call.held && !knows(state, 'hold')));
  effects.push(ask(event, { callId: call.callId, enabled }, 'toggled', call.key));
}

/** Puts the call on hold or takes it back. On hold nothing of ours is sent and nothing of theirs shown. */
export function hold(at, on) {
  const { call, effects } = at;
  if (call.held === on) return;
  call.held = on;
  tellMedia(at, 'call:hold');
  if (on && call.screen) {
    call.screen = false;
    effects.push({ do: 'screen', key: call.key, on: false });
    tellMedia(at, 'call:toggle-screen');
    if (!call.screenBeside) tellMedia(at, 'call:toggle-video');
  }
  effects.push(on ? { do: 'rest', key: call.key } : { do: 'openMedia', key: call.key, video: call.camera });
}

/** Ends a call once; later words about it change nothing but its duration. */
export function end(at, reason, { by = null, error = null, duration = null } = {}) {
  const { state, call, effects, now } = at;
  const place = state.calls.indexOf(call);
  if (place < 0) return;
  state.calls.splice(place, 1);
  if (call.callId) remember(state.gone, call.callId);
  call.timeline.ended = now;
  state.timeline = call.timeline;
  state.lastEnded = {
    key: call.key, callId: call.callId, conversationId: call.conversationId, direction: call.direction, video: call.video,
    peer: call.peer, reason, by, error, answeredAt: call.answeredAt, at: now,
    duration: duration ?? (call.answeredAt ? Math.round((now - call.answeredAt) / 1000) : 0),
  };
  effects.push({ do: 'close', key: call.key });
}

/** Keeps what came for a call before its time, bounded; `again` has it handed out once more. */
export function keepEarly(call, name, payload) {
  if (call.early.length < MAX_EARLY) call.early.push({ name, payload });
}

/** What a participant's row says about their microphone, camera, screen and hold. */
export function takeFlags(call, participant) {
  const { remote } = call;
  if (typeof participant.isAudioEnabled === 'boolean') remote.audioEnabled = participant.isAudioEnabled;
  if (typeof participant.isVideoEnabled === 'boolean') remote.videoEnabled = participant.isVideoEnabled;
  if (typeof participant.isScreenSharing === 'boolean') remote.screenEnabled = participant.isScreenSharing;
  if (typeof participant.held === 'boolean') remote.held = participant.held;
  call.peerRow = participant.id ?? call.peerRow;
}

/** The path is broken and everybody who must know does: the other end sees that we look for a new one. */
export function tellReconnect({ state, call, effects }, event) {
  effects.push(emit(event, {
    callId: call.callId, participantId: call.myParticipantId ?? state.me.userId,
    attempt: Math.min(10, Math.max(1, call.attempts)),
  }));
}

function settings(call) {
  return { audioEnabled: call.microphone, videoEnabled: call.camera, screenShareEnabled: call.screen };
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
