// One RTCPeerConnection: offers, answers, candidates, tracks, ICE restarts. Speaks signals without addresses;
// who they go to, and when a connection is wanted at all, is decided elsewhere.

import { SignalOrder } from './signals.js';

export class Connection {
  #pc;
  #on;
  #order = new SignalOrder();
  #work = Promise.resolve();
  #closed = false;
  #agreed = false;
  #remote = new MediaStream();
  #local = new MediaStream();
  #tracks = { audio: null, video: null };
  #senders = { audio: null, video: null };
  #generations = new Map();

  /** `on`: `{signal(signal), ice(state), described(), remote(stream), problem(error)}`. */
  constructor({ offerer, iceServers, on }) {
    this.#on = on;
    const pc = new RTCPeerConnection({ iceServers: usable(iceServers), bundlePolicy: 'max-bundle' });
    this.#pc = pc;
    if (offerer) {
      for (const kind of ['audio', 'video']) {
        this.#senders[kind] = pc.addTransceiver(kind, { direction: 'sendrecv', streams: [this.#local] }).sender;
      }
    }
    pc.onicecandidate = ({ candidate }) => this.#sendCandidate(candidate);
    pc.oniceconnectionstatechange = () => this.#tell('ice', pc.iceConnectionState);
    pc.onconnectionstatechange = () => { if (pc.connectionState === 'failed') this.#tell('ice', 'failed'); };
    pc.ontrack = ({ track }) => {
      this.#remote.addTrack(track);
      this.#tell('remote', this.#remote);
    };
  }

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

  /** What is sent from now on; null stops sending that kind. Never renegotiates. */
  setTrack(kind, track) {
    this.#tracks[kind] = track;
    return this.#enqueue(() => this.#senders[kind]?.replaceTrack(track));
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

  async #takeOffer(signal) {
    const pc = this.#pc;
    if (pc.signalingState === 'have-local-offer') return;
    if (!this.#order.admitOffer(signal.negotiationId)) return;
    const id = this.#order.current;
    await pc.setRemoteDescription({ type: 'offer', sdp: signal.sdp });
    for (const transceiver of pc.getTransceivers()) {
      const kind = transceiver.receiver.track.kind;
      if (this.#senders[kind] || transceiver.direction === 'stopped') continue;
      transceiver.direction = 'sendrecv';
      transceiver.sender.setStreams?.(this.#local);
      this.#senders[kind] = transceiver.sender;
      await transceiver.sender.replaceTrack(this.#tracks[kind]);
    }
    await this.#addCandidates(this.#order.described());
    await pc.setLocalDescription(await pc.createAnswer());
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
