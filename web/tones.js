// The sounds of a call, made by WebAudio: the ring, the ringback that a caller hears, the small tones of an end.

const RING = { period: 3.2, volume: 0.22, notes: ring() };
/** Over a call: seldom and soft. */
const WAITING = { period: 5, volume: 0.06, notes: [0, 0.25].map((at) => ({ at, for: 0.16, pitches: [660] })) };
const RINGBACK = { period: 4, volume: 0.08, notes: [{ at: 0, for: 1.1, pitches: [425] }] };

export class Tones {
  #context = null;
  #playing = null;
  #timer = null;
  #output = null;

  /** To be called from a tap or key press: browsers keep pages silent before one. */
  unlock() {
    this.#context ??= typeof AudioContext === 'function' ? new AudioContext() : null;
    if (this.#context?.state === 'suspended') this.#context.resume().catch(() => {});
  }

  /** Whether a sound asked for now would be heard. */
  get audible() { return this.#context?.state === 'running'; }

  /** `ring`, `ringback`, `waiting` or null; asking again for what plays changes nothing. */
  play(name) {
    if (name === this.#playing) return;
    this.#stop();
    this.#playing = name;
    if (!name) return;
    this.unlock();
    if (!this.#context) return;
    const pattern = { ring: RING, ringback: RINGBACK, waiting: WAITING }[name];
    this.#output = this.#context.createGain();
    this.#output.connect(this.#context.destination);
    const round = () => { if (this.audible) this.#round(pattern, this.#output); };
    round();
    this.#context.onstatechange = round;
    this.#timer = setInterval(round, pattern.period * 1000);
    if (name === 'ring') navigator.vibrate?.([400, 250, 400, 1600, 400, 250, 400]);
  }

  /** Two falling notes when a call is over, two rising ones when it begins. */
  chime(kind) {
    if (!this.audible) return;
    const pitches = kind === 'begin' ? [523, 784] : [440, 294];
    const notes = pitches.map((pitch, index) => ({ at: index * 0.13, for: 0.22, pitches: [pitch] }));
    const output = this.#context.createGain();
    output.connect(this.#context.destination);
    this.#round({ volume: 0.1, notes }, output);
  }

  #stop() {
    clearInterval(this.#timer);
    if (this.#playing === 'ring') navigator.vibrate?.(0);
    if (this.#context) this.#context.onstatechange = null;
    if (this.#output) {
      this.#output.gain.setTargetAtTime(0, this.#context.currentTime, 0.02);
      const gone = this.#output;
      setTimeout(() => gone.disconnect(), 200);
    }
    this.#output = this.#timer = null;
  }

  #round({ volume, notes }, output) {
    const start = this.#context.currentTime + 0.03;
    for (const note of notes) {
      for (const [index, pitch] of note.pitches.entries()) {
        const oscillator = this.#context.createOscillator();
        const envelope = this.#context.createGain();
        const from = start + note.at;
        const loud = volume / (1 + index * 1.6);
        oscillator.frequency.value = pitch;
        envelope.gain.setValueAtTime(0, from);
        envelope.gain.linearRampToValueAtTime(loud, from + 0.015);
        envelope.gain.setValueAtTime(loud, from + note.for * 0.5);
        envelope.gain.exponentialRampToValueAtTime(0.0004, from + note.for);
        oscillator.connect(envelope).connect(output);
        oscillator.start(from);
        oscillator.stop(from + note.for + 0.05);
      }
    }
  }
}

/** A marimba-like figure of six notes, played twice. */
function ring() {
  const figure = [659.3, 830.6, 987.8, 830.6, 987.8, 1318.5];
  return [0, 1.15].flatMap((shift) => figure.map((pitch, index) => (
    { at: shift + index * 0.14, for: 0.42, pitches: [pitch, pitch * 2, pitch * 4] })));
}
