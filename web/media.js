// Camera, microphone and screen of this device: asking for them, falling back, the camera's light going out when it is off.

const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
const SCREEN = { video: { frameRate: { ideal: 15, max: 30 } }, audio: false };

export class LocalMedia {
  audio = null;
  video = null;
  screen = null;
  #facing = 'user';
  #audioConstraints;
  #open = true;

  /** `raw` leaves the sound as the microphone gives it, for measurements. */
  constructor({ raw = false } = {}) {
    this.#audioConstraints = raw
      ? { echoCancellation: false, noiseSuppression: false, autoGainControl: false }
      : true;
  }

  /** Opens what there is. Gives null or the problem to tell (see `mediaWords`); fewer tracks are no failure. */
  async open({ video }) {
    if (!navigator.mediaDevices?.getUserMedia) return 'insecure';
    const camera = { ...CAMERA, facingMode: this.#facing };
    const first = await this.#ask({ audio: this.#audioConstraints, ...(video ? { video: camera } : {}) });
    if (!first) return null;
    if (!video) return first.name === 'NotAllowedError' ? 'denied' : 'no-devices';
    const soundOnly = await this.#ask({ audio: this.#audioConstraints });
    if (!soundOnly) {
      if (first.name === 'NotAllowedError') return 'camera-denied';
      return first.name === 'NotReadableError' ? 'camera-busy' : 'no-camera';
    }
    if (first.name === 'NotAllowedError') return 'denied';
    return (await this.#ask({ video: camera })) ? 'no-devices' : 'no-microphone';
  }

  /** The camera on, or off and its light out. Gives whether it is on now. */
  async setCamera(on) {
    if (!on) {
      this.video?.stop();
      this.video = null;
    } else if (!this.video && navigator.mediaDevices?.getUserMedia) {
      await this.#ask({ video: { ...CAMERA, facingMode: this.#facing } });
    }
    return this.video !== null;
  }

  /** The other camera of a phone; mirrored pictures are for the one that faces its owner. */
  async turnCamera() {
    this.#facing = this.#facing === 'user' ? 'environment' : 'user';
    await this.setCamera(false);
    return this.setCamera(true);
  }

  get mirrored() { return this.#facing === 'user'; }

  setMicrophone(on) {
    if (this.audio) this.audio.enabled = on;
  }

  /** Asks the person which screen, window or tab to show; `ended()` is called when they stop it outside of the page. */
  async shareScreen(ended) {
    try {
      const stream = await navigator.mediaDevices.getDisplayMedia(SCREEN);
      const [track] = stream.getVideoTracks();
      if (!this.#open) {
        track.stop();
        return false;
      }
      this.stopScreen();
      track.contentHint = 'detail';
      track.onended = () => {
        if (this.screen === track) this.screen = null;
        ended();
      };
      this.screen = track;
      return true;
    } catch {
      return false;
    }
  }

  stopScreen() {
    this.screen?.stop();
    this.screen = null;
  }

  close() {
    this.#open = false;
    this.stopScreen();
    this.audio?.stop();
    this.video?.stop();
    this.audio = this.video = null;
  }

  async #ask(constraints) {
    try {
      const stream = await navigator.mediaDevices.getUserMedia(constraints);
      for (const track of stream.getTracks()) {
        if (!this.#open) track.stop();
        else {
          this[track.kind]?.stop();
          this[track.kind] = track;
          if (track.kind === 'video') track.contentHint = 'motion';
        }
      }
      return null;
    } catch (error) {
      return error;
    }
  }
}

/** Whether this browser can show a screen at all; those of phones cannot. */
export const canShareScreen = () => typeof navigator.mediaDevices?.getDisplayMedia === 'function';

/** How many cameras there are to turn between. */
export async function cameraCount() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices.filter(({ kind }) => kind === 'videoinput').length;
}
