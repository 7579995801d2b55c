// One RTCPeerConnection: offers, answers, candidates, tracks, ICE restarts. Speaks signals without addresses;
// who they go to, and when a connection is wanted at all, is decided elsewhere.

import { prefer, sendPreferred } from './codecs.js';
import { SignalOrder } from './signals.js';

/** What travels: sound, the camera and, as a second video section, the screen. */
const KINDS = ['audio', 'video', 'screen'];

export class Connection {
  #pc;
  #on;
  #codec;
  #polite;
  #order = new SignalOrder();
  #work = Promise.resolve();
  #closed = false;
  #agreed = false;
  #remote = { sound: new MediaStream(), camera: new MediaStream(), screen: new MediaStream() };
  #local = { audio: new MediaStream(), screen: new MediaStream() };
  #tracks = { audio: null, video: null, screen: null };
  #lines = { audio: null, video: null, screen: null };
  #generations = new Map();

  /**
   * The offerer of a pair holds its ground when both offer, the other gives way. `screen` says that an offer of ours has a
   * second video section, `codec` which video codec is named first.
   * `on`: `{signal(signal), ice(state), described(), remote({sound, camera, screen}), problem(error)}`.
   */
  constructor({ offerer, screen = false, codec = null, iceServers, on }) {
    this.#on = on;
    this.#codec = codec;
    this.#polite = !offerer;
    const pc = new RTCPeerConnection({ iceServers: usable(iceServers), bundlePolicy: 'max-bundle' });
    this.#pc = pc;
    if (offerer) for (const kind of KINDS.slice(0, screen ? 3 : 2)) this.#addLine(kind);
    pc.onicecandidate = ({ candidate }) => this.#sendCandidate(candidate);
    pc.oniceconnectionstatechange = () => this.#tell('ice', pc.iceConnectionState);
    pc.onconnectionstatechange = () => { if (pc.connectionState === 'failed') this.#tell('ice', 'failed'); };
    pc.ontrack = ({ track, transceiver }) => {
      const name = track.kind === 'audio' ? 'sound' : this.#videos().indexOf(transceiver) > 0 ? 'screen' : 'camera';
      this.#remote[name].addTrack(track);
      this.#tell('remote', this.#remote);
    };
  }

  /** Whether the screen can go beside the camera: both ends have a place for it. */
  get hasScreen() {
    const line = this.#lines.screen;
    return Boolean(line && /send/.test(line.currentDirection ?? ''));
  }

  /** The `mid` of the screen's section, as statistics name it, or null. */
  get screenMid() { return this.#lines.screen?.mid ?? null; }

  /** Makes an offer; with `restart`, one that gathers new paths. Before the first answer every offer is a first one. */
  offer({ restart = false } = {}) {
    return this.#enqueue(async () => {
      const id = this.#order.begin();
      await this.#pc.setLocalDescription(await this.#pc.createOffer({ iceRestart: restart }));
      this.#sendDescription(restart && this.#agreed ? 'ice-restart' : 'offer', id);
    });
  }

  /** Takes a signal of the other side; late and repeated ones change nothing. */
  receive(signal) {
    return this.#enqueue(async () => {
      if (signal.type === 'offer' || signal.type === 'ice-restart') await this.#takeOffer(signal);
      else if (signal.type === 'answer') await this.#takeAnswer(signal);
      else if (signal.type === 'ice-candidate') {
        await this.#addCandidates(this.#order.candidate(signal.negotiationId, signal));
      }
    });
  }

  /** What is sent from now on, `{audio, video, screen}`; null stops sending that kind. Never renegotiates. */
  carry(tracks) {
    for (const kind of KINDS) {
      const track = tracks[kind] ?? null;
      if (this.#tracks[kind] === track) continue;
      this.#tracks[kind] = track;
      this.#enqueue(() => this.#lines[kind]?.sender.replaceTrack(this.#tracks[kind]));
    }
  }

  /** New TURN credentials; they count from the next gathering on. */
  configure(iceServers) {
    if (this.#closed) return;
    try {
      this.#pc.setConfiguration({ ...this.#pc.getConfiguration(), iceServers: usable(iceServers) });
    } catch (error) {
      this.#tell('problem', error);
    }
  }

  /** The RTCStatsReport of this moment. */
  stats() {
    return this.#pc.getStats();
  }

  close() {
    this.#closed = true;
    const pc = this.#pc;
    pc.onicecandidate = pc.oniceconnectionstatechange = pc.onconnectionstatechange = pc.ontrack = null;
    pc.close();
  }

  /** When both sides have made an offer, the polite one takes its own back and the other overhears (W3C webrtc §10.7). */
  async #takeOffer(signal) {
    const pc = this.#pc;
    if (pc.signalingState === 'have-local-offer') {
      if (!this.#polite) return;
      await pc.setLocalDescription({ type: 'rollback' });
      this.#order.withdraw();
    }
    if (!this.#order.admitOffer(signal.negotiationId)) return;
    const id = this.#order.current;
    await pc.setRemoteDescription({ type: 'offer', sdp: signal.sdp });
    await this.#takeLines();
    await this.#addCandidates(this.#order.described());
    await pc.setLocalDescription(await pc.createAnswer());
    for (const kind of ['video', 'screen']) if (this.#lines[kind]) await sendPreferred(this.#lines[kind], this.#codec);
    this.#sendDescription('answer', id);
    this.#agreed = true;
    this.#tell('described');
  }

  async #takeAnswer(signal) {
    if (this.#pc.signalingState !== 'have-local-offer' || !this.#order.admitAnswer(signal.negotiationId)) return;
    await this.#pc.setRemoteDescription({ type: 'answer', sdp: signal.sdp });
    await this.#addCandidates(this.#order.described());
    this.#agreed = true;
    this.#tell('described');
  }

  #addLine(kind) {
    const line = this.#pc.addTransceiver(kind === 'audio' ? 'audio' : 'video', {
      direction: 'sendrecv', streams: [this.#stream(kind)],
    });
    if (kind !== 'audio') prefer(line, this.#codec);
    this.#lines[kind] = line;
  }

  /** The sections of an offer that came: the first of video is the camera's, the second the screen's. */
  async #takeLines() {
    const sound = this.#pc.getTransceivers().filter(({ receiver }) => receiver.track.kind === 'audio');
    const [camera, screen] = this.#videos();
    for (const [kind, line] of [['audio', sound[0]], ['video', camera], ['screen', screen]]) {
      if (!line || this.#lines[kind] || line.direction === 'stopped') continue;
      line.direction = 'sendrecv';
      line.sender.setStreams?.(this.#stream(kind));
      if (kind !== 'audio') prefer(line, this.#codec);
      this.#lines[kind] = line;
      await line.sender.replaceTrack(this.#tracks[kind]);
    }
  }

  #videos() {
    return this.#pc.getTransceivers().filter(({ receiver }) => receiver.track.kind === 'video');
  }

  /** Sound and camera belong together; the screen has no need to be in step with them. */
  #stream(kind) { return kind === 'screen' ? this.#local.screen : this.#local.audio; }

  /** A candidate that the browser does not take (another address family, a name it cannot resolve) is no failure. */
  async #addCandidates(signals) {
    for (const { candidate = '', sdpMid = null, sdpMLineIndex = null } of signals) {
      const place = sdpMid === null && sdpMLineIndex === null ? { sdpMLineIndex: 0 } : { sdpMid, sdpMLineIndex };
      await this.#pc.addIceCandidate({ candidate, ...place }).catch(() => {});
    }
  }

  #sendDescription(type, negotiationId) {
    const { sdp } = this.#pc.localDescription;
    for (const [, name] of sdp.matchAll(/^a=ice-ufrag:(\S+)/gm)) this.#generations.set(name, negotiationId);
    this.#tell('signal', { type, sdp, negotiationId });
  }

  /** Candidates name the negotiation whose gathering found them; those of an earlier one are of no use to anybody. */
  #sendCandidate(candidate) {
    this.#enqueue(async () => {
      const id = this.#generations.get(candidate?.usernameFragment) ?? this.#order.current;
      if (id < this.#order.current) return;
      this.#tell('signal', {
        type: 'ice-candidate', candidate: candidate?.candidate ?? '', negotiationId: id,
        sdpMid: candidate?.sdpMid ?? '0', sdpMLineIndex: candidate?.sdpMLineIndex ?? 0,
      });
    });
  }

  /** One thing at a time, in the order it was asked for; a failure is told and the next goes on. */
  #enqueue(job) {
    this.#work = this.#work.then(() => (this.#closed ? undefined : job())).catch((error) => {
      if (!this.#closed) this.#tell('problem', error);
    });
    return this.#work;
  }

  #tell(name, value) {
    if (!this.#closed) this.#on[name](value);
  }
}

/** The servers that a browser takes; one bad entry must not cost the call. */
function usable(iceServers) {
  return (Array.isArray(iceServers) ? iceServers : []).flatMap((server) => {
    const { urls, username, credential } = server ?? {};
    const known = Boolean(username && credential);
    const kept = [urls ?? []].flat().filter((url) => /^stuns?:\S+$/.test(url) || (known && /^turns?:\S+$/.test(url)));
    return kept.length ? [{ urls: kept, ...(known ? { username, credential } : {}) }] : [];
  });
}
