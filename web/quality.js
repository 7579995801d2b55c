// How good a call is: figures out of getStats, the change between two samples, a verdict.
// Pure: takes plain statistics objects, never a connection.

/**
 * Every figure the page knows, at zero. Byte and packet counts are totals since the connection began; frames, sizes and
 * `codec` are of the camera, those of the screen have its name.
 */
export const NOTHING = Object.freeze({
  at: 0, fps: 0, framesDecoded: 0, framesSent: 0, width: 0, height: 0, audioEnergy: 0, audioLevel: 0,
  packetsLost: 0, packetsReceived: 0, rttMs: null, bytesReceived: 0, bytesSent: 0, jitterMs: 0,
  audioBytes: 0, videoBytes: 0, audioBytesSent: 0, videoBytesSent: 0, sentFps: 0, availableOutgoingBps: null,
  screenDecoded: 0, screenSent: 0, screenWidth: 0, screenHeight: 0,
  codec: null, sentCodec: null, path: null, ufrag: null,
});

/**
 * Figures from an RTCStatsReport or any iterable of statistics objects (W3C webrtc-stats identifiers); `screenMid` is the
 * media section of the screen, where there is one.
 */
export function readStats(report, at, screenMid = null) {
  const byId = new Map();
  for (const entry of report.values ? report.values() : report) byId.set(entry.id, entry);
  const figures = { ...NOTHING, at };
  let nominated = null;
  let reportedRtt = null;
  for (const entry of byId.values()) {
    switch (entry.type) {
      case 'inbound-rtp': readInbound(figures, entry, byId, screenMid); break;
      case 'outbound-rtp':
        figures.bytesSent += entry.bytesSent ?? 0;
        if (entry.kind === 'video') {
          figures.videoBytesSent += entry.bytesSent ?? 0;
          if (isScreen(entry, screenMid)) figures.screenSent += entry.framesSent ?? 0;
          else {
            figures.framesSent += entry.framesSent ?? 0;
            figures.sentFps = entry.framesPerSecond ?? 0;
            figures.sentCodec = codecOf(entry, byId) ?? figures.sentCodec;
          }
        } else figures.audioBytesSent += entry.bytesSent ?? 0;
        break;
      case 'remote-inbound-rtp':
        if (entry.roundTripTime != null) reportedRtt = entry.roundTripTime * 1000;
        break;
      case 'transport':
        if (entry.selectedCandidatePairId) nominated = byId.get(entry.selectedCandidatePairId) ?? nominated;
        figures.ufrag = entry.iceLocalUsernameFragment ?? null;
        break;
      case 'candidate-pair':
        if (entry.nominated && entry.state === 'succeeded') nominated ??= entry;
        break;
    }
  }
  if (nominated) {
    figures.path = byId.get(nominated.localCandidateId)?.candidateType ?? null;
    figures.availableOutgoingBps = nominated.availableOutgoingBitrate ?? null;
    if (nominated.currentRoundTripTime != null) figures.rttMs = nominated.currentRoundTripTime * 1000;
  }
  figures.rttMs ??= reportedRtt;
  return figures;
}

const isScreen = ({ mid }, screenMid) => screenMid !== null && mid === screenMid;
const codecOf = ({ codecId }, byId) => byId.get(codecId)?.mimeType?.replace('video/', '') ?? null;

function readInbound(figures, entry, byId, screenMid) {
  figures.packetsReceived += entry.packetsReceived ?? 0;
  figures.packetsLost += entry.packetsLost ?? 0;
  figures.bytesReceived += entry.bytesReceived ?? 0;
  if (entry.kind === 'video' && isScreen(entry, screenMid)) {
    figures.screenDecoded += entry.framesDecoded ?? 0;
    figures.screenWidth = entry.frameWidth ?? 0;
    figures.screenHeight = entry.frameHeight ?? 0;
    figures.videoBytes += entry.bytesReceived ?? 0;
  } else if (entry.kind === 'video') {
    figures.fps = entry.framesPerSecond ?? 0;
    figures.framesDecoded += entry.framesDecoded ?? 0;
    figures.width = entry.frameWidth ?? figures.width;
    figures.height = entry.frameHeight ?? figures.height;
    figures.videoBytes += entry.bytesReceived ?? 0;
    figures.codec = codecOf(entry, byId) ?? figures.codec;
  } else {
    figures.audioEnergy += entry.totalAudioEnergy ?? 0;
    figures.audioLevel = entry.audioLevel ?? 0;
    figures.audioBytes += entry.bytesReceived ?? 0;
    figures.jitterMs = (entry.jitter ?? 0) * 1000;
  }
}

/** What happened between two samples of one connection; rates in kbit/s, loss in percent of what was sent to us. */
export function between(before, now) {
  const seconds = Math.max(0.001, (now.at - before.at) / 1000);
  const more = (key) => Math.max(0, now[key] - before[key]);
  const lost = more('packetsLost');
  const came = more('packetsReceived');
  const kbit = (key) => (more(key) * 8) / 1000 / seconds;
  return {
    seconds,
    lossPercent: lost + came > 0 ? (100 * lost) / (lost + came) : 0,
    silent: came === 0,
    fps: more('framesDecoded') / seconds,
    sentFps: more('framesSent') / seconds,
    receivedKbps: kbit('bytesReceived'),
    sentKbps: kbit('bytesSent'),
    audioKbps: kbit('audioBytesSent'),
    videoKbps: kbit('videoBytesSent'),
    rttMs: now.rttMs,
    jitterMs: now.jitterMs,
  };
}

/** Bars from 0 (nothing comes) to 4, and the level that a quality report names. The worst figure decides. */
export function judge({ lossPercent, rttMs, silent, fps, videoExpected }) {
  if (silent) return { bars: 0, level: 'poor' };
  const rank = (value, limits) => 4 - limits.filter((limit) => value > limit).length;
  let bars = Math.min(rank(lossPercent, [1, 4, 10]), rank(rttMs ?? 0, [150, 300, 600]));
  if (videoExpected) bars = Math.min(bars, 4 - [15, 8, 3].filter((limit) => fps < limit).length);
  return { bars, level: ['poor', 'poor', 'fair', 'good', 'excellent'][bars] };
}

/** The `stats` of `call:quality-report`. */
export function reportStats(change, totals, level) {
  const stats = {
    level,
    packetLoss: Math.min(100, Math.max(0, round(change.lossPercent, 2))),
    rtt: Math.max(0, Math.round(change.rttMs ?? 0)),
    jitter: Math.max(0, Math.round(change.jitterMs)),
    bitrate: { audio: Math.round(change.audioKbps), video: Math.round(change.videoKbps) },
    bytesSent: totals.bytesSent,
    bytesReceived: totals.bytesReceived,
  };
  if (totals.availableOutgoingBps != null) stats.availableOutgoingBitrateBps = Math.round(totals.availableOutgoingBps);
  return stats;
}

function round(value, digits) {
  const scale = 10 ** digits;
  return Math.round(value * scale) / scale;
}
