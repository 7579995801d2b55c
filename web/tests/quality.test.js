import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NOTHING, between, judge, readStats, reportStats } from '../quality.js';

const REPORT = [
  { id: 'v', type: 'inbound-rtp', kind: 'video', framesPerSecond: 24, framesDecoded: 100, frameWidth: 640, frameHeight: 480, packetsReceived: 900, packetsLost: 5, bytesReceived: 90_000, codecId: 'c' },
  { id: 'a', type: 'inbound-rtp', kind: 'audio', totalAudioEnergy: 0.5, audioLevel: 0.1, jitter: 0.004, packetsReceived: 100, packetsLost: 1, bytesReceived: 10_000 },
  { id: 'o', type: 'outbound-rtp', kind: 'video', framesSent: 80, framesPerSecond: 20, bytesSent: 70_000 },
  { id: 'p', type: 'candidate-pair', nominated: true, state: 'succeeded', currentRoundTripTime: 0.042, localCandidateId: 'l', availableOutgoingBitrate: 1_500_000 },
  { id: 'l', type: 'local-candidate', candidateType: 'relay' },
  { id: 'c', type: 'codec', mimeType: 'video/VP8' },
];

test('figures are read from a statistics report', () => {
  const figures = readStats(REPORT, 5_000);
  assert.deepEqual(
    [figures.fps, figures.framesDecoded, figures.framesSent, figures.width, figures.height, figures.audioEnergy],
    [24, 100, 80, 640, 480, 0.5],
  );
  assert.deepEqual([figures.packetsLost, figures.packetsReceived, figures.bytesReceived], [6, 1_000, 100_000]);
  assert.deepEqual([figures.rttMs, figures.jitterMs, figures.path, figures.codec], [42, 4, 'relay', 'VP8']);
});

test('an empty report is all zeros and no round trip', () => {
  assert.deepEqual(readStats([], 7), { ...NOTHING, at: 7 });
});

test('rates and loss are of the time between two samples', () => {
  const before = { ...NOTHING, at: 0, packetsReceived: 1_000, packetsLost: 50, bytesReceived: 0, framesDecoded: 10 };
  const now = { ...before, at: 2_000, packetsReceived: 1_095, packetsLost: 55, bytesReceived: 250_000, framesDecoded: 60 };
  const change = between(before, now);
  assert.equal(change.lossPercent, 5);
  assert.equal(change.receivedKbps, 1_000);
  assert.equal(change.fps, 25);
});

test('the worst figure decides the bars', () => {
  const good = { lossPercent: 0, rttMs: 20, silent: false, fps: 25, videoExpected: true };
  assert.equal(judge(good).bars, 4);
  assert.equal(judge({ ...good, rttMs: 350 }).bars, 2);
  assert.equal(judge({ ...good, lossPercent: 12 }).bars, 1);
  assert.equal(judge({ ...good, fps: 5 }).bars, 2);
  assert.equal(judge({ ...good, fps: 0, videoExpected: false }).bars, 4);
  assert.deepEqual(judge({ ...good, silent: true }), { bars: 0, level: 'poor' });
});

test('a report to the server is whole and within the limits of the contract', () => {
  const change = between({ ...NOTHING, at: 0 }, { ...NOTHING, at: 5_000, packetsLost: 9, packetsReceived: 0, rttMs: 12.6 });
  const stats = reportStats(change, { ...NOTHING, bytesSent: 3, bytesReceived: 4 }, 'poor');
  assert.deepEqual(stats, {
    level: 'poor', packetLoss: 100, rtt: 13, jitter: 0, bitrate: { audio: 0, video: 0 }, bytesSent: 3, bytesReceived: 4,
  });
});
