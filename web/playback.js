// What is seen and heard of the other side: the streams of the call in front, in the page's two video elements.

export class Playback {
  #main;
  #screen;
  #changed;
  #peer = null;
  /** Whether the browser wants a tap before it lets the call be heard. */
  soundBlocked = false;

  /** `main` shows the camera and gives the sound, `screen` a shared screen; `changed()` is called when something is seen. */
  constructor({ main, screen, changed }) {
    this.#main = main;
    this.#screen = screen;
    this.#changed = changed;
  }

  /** Whether a picture of the camera, or of the screen, has come since it was put on. */
  get picture() { return Boolean(this.#main.srcObject && this.#main.dataset.seen); }
  get screenPicture() { return Boolean(this.#screen.srcObject && this.#screen.videoWidth); }

  /** Puts on what a peer sends, `{stream, screen, seen}`; null, or a call on hold, shows and lets hear nothing. */
  show(peer) {
    this.#peer = peer;
    this.#put(this.#main, peer?.stream ?? null);
    this.#put(this.#screen, peer?.screen ?? null);
    if (!peer) this.soundBlocked = false;
  }

  /** After a tap: with sound. */
  unblock() {
    this.#main.muted = false;
    return this.#play(this.#main);
  }

  /** A picture was decoded, whoever noticed. */
  noteFrame() {
    if (!this.#peer || !this.#main.srcObject) return;
    this.#peer.seen ??= Date.now();
    this.#main.dataset.seen = 'yes';
  }

  #put(video, stream) {
    if (video.srcObject === stream) return;
    video.srcObject = stream;
    delete video.dataset.seen;
    video.onloadeddata = video.onresize = null;
    if (!stream) return;
    video.muted = video === this.#screen;
    const seen = () => {
      if (video.srcObject !== stream || !video.videoWidth) return;
      if (video === this.#main) this.noteFrame();
      this.#changed();
    };
    video.onloadeddata = video.onresize = seen;
    video.requestVideoFrameCallback?.(seen);
    this.#play(video);
  }

  /** Without a tap before it, a browser may refuse sound; the picture is shown all the same and the sound asked for. */
  async #play(video) {
    try {
      await video.play();
      if (video === this.#main) this.soundBlocked = false;
    } catch (error) {
      if (error.name !== 'NotAllowedError') return;
      video.muted = true;
      this.soundBlocked = true;
      await video.play().catch(() => {});
    }
    this.#changed();
  }
}
