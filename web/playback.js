// What is seen and heard of the other side: the streams of the call in front, in the page's media elements.

export class Playback {
  #sound;
  #camera;
  #screen;
  #changed;
  #peer = null;
  /** Whether the browser wants a tap before it lets the call be heard. */
  soundBlocked = false;

  /**
   * An audio and two video elements: a video element would wait for a first picture before it lets anything be heard, and
   * in a voice call none comes. `changed()` is called when something is seen.
   */
  constructor({ sound, camera, screen, changed }) {
    this.#sound = sound;
    this.#camera = camera;
    this.#screen = screen;
    this.#changed = changed;
  }

  /** Whether a picture of the camera, or of the screen, has come since it was put on. */
  get picture() { return Boolean(this.#camera.srcObject && this.#camera.dataset.seen); }
  get screenPicture() { return Boolean(this.#screen.srcObject && this.#screen.videoWidth); }

  /** Puts on what a peer sends; null, or a call on hold, shows and lets hear nothing. */
  show(peer) {
    this.#peer = peer;
    this.#put(this.#sound, peer?.remote?.sound ?? null);
    this.#put(this.#camera, peer?.remote?.camera ?? null);
    this.#put(this.#screen, peer?.remote?.screen ?? null);
    if (!peer) this.soundBlocked = false;
  }

  /** After a tap: with sound. */
  unblock() {
    return this.#play(this.#sound);
  }

  /** A picture was decoded, whoever noticed. */
  noteFrame() {
    if (!this.#peer || !this.#camera.srcObject) return;
    this.#peer.seen ??= Date.now();
    this.#camera.dataset.seen = 'yes';
  }

  #put(element, stream) {
    if (element.srcObject === stream) return;
    element.srcObject = stream;
    delete element.dataset.seen;
    element.onloadeddata = element.onresize = null;
    if (!stream) return;
    const seen = () => {
      if (element.srcObject !== stream || !element.videoWidth) return;
      if (element === this.#camera) this.noteFrame();
      this.#changed();
    };
    element.onloadeddata = element.onresize = seen;
    element.requestVideoFrameCallback?.(seen);
    void this.#play(element);
  }

  /** Without a tap before it, a browser may refuse sound, never a picture that is mute: the sound is asked for. */
  async #play(element) {
    try {
      await element.play();
      if (element === this.#sound) this.soundBlocked = false;
    } catch (error) {
      if (error.name !== 'NotAllowedError' || element !== this.#sound) return;
      this.soundBlocked = true;
    }
    this.#changed();
  }
}
