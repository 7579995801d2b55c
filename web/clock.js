// Time in a call: its deadlines, heartbeats and reports, and the mending of a broken path. Pure.

import { endUnanswered } from './commands.js';
import {
  CONNECT, HEARTBEAT, ICE_RESTART_INTERVAL, LEFT_GRACE, PATH_GRACE, QUALITY_REPORT, RECONNECT,
  ask, emit, end, initiate, join, knows, late, remember, rings, tellMedia, tellReconnect,
} from './session.js';

/** Time passed: every deadline of the call is looked at here. */
export function tick(at) {
  const { state, call, effects, now } = at;
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
  if (due(call.retellAt)) {
    call.retellAt = null;
    for (const event of call.untold.splice(0)) tellMedia(at, event);
  }
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
    effects.push({ do: 'reportQuality', key: call.key, callId: call.callId });
  }
}

function pathTimedOut(call, now) {
  if (call.lostSince != null) return now - call.lostSince >= RECONNECT;
  return call.peerJoined && !call.everConnected && now - call.joinedAt >= CONNECT;
}

function deadlinePassed(at) {
  const { state, call } = at;
  if (call.asks) return end(at, 'failed', { error: { code: 'CALL_ALREADY_ACTIVE' } });
  if (call.returning) return end(at, 'failed', { error: { code: state.online ? 'NO_REPLY' : 'OFFLINE' } });
  if (rings(call)) return end(at, 'missed');
  if (!call.callId) {
    remember(state.orphans, call.conversationId);
    return end(at, 'failed', { error: { code: state.online ? 'NO_REPLY' : 'OFFLINE' } });
  }
  endUnanswered(at, 'missed');
  end(at, 'missed', { by: 'me' });
}

/** The path is broken or never came: the offerer restarts ICE, the other side asks it to; one that cannot be asked is offered to. */
function mend(at) {
  const { state, call, effects, now } = at;
  if (call.everConnected && call.lostSince == null) call.lookAt = null;
  else call.lookAt = now + ICE_RESTART_INTERVAL;
  if (call.lostSince != null && call.attempts > 1) tellReconnect(at, 'call:reconnecting');
  call.attempts = Math.min(10, call.attempts + 1);
  if (call.offerer || !knows(state, 'negotiate') || !call.peerKnows.includes('negotiate')) {
    effects.push({ do: 'restart', key: call.key });
  } else effects.push(emit('call:negotiate', { callId: call.callId, to: call.peer.userId, reason: 'restart' }));
}

/** The path is gone: told to the other side, and mended from now on. */
export function lost(at) {
  const { call, effects, now } = at;
  if (call.lostSince != null) return;
  Object.assign(call, { lostSince: now, disturbedSince: null, attempts: 1, lookAt: now });
  tellReconnect(at, 'call:reconnecting');
  effects.push({ do: 'notice', text: 'The connection was interrupted. Trying to get it back…' });
}
