// The devices of this page while it has calls: opened with the first, shared by all, closed with the last.

import { LocalMedia, cameraCount } from './media.js';

export class Studio {
  #local = null;
  #raw;
  #work = Promise.resolve();
  /** Why there is no full sound or picture from here; see `mediaWords`. */
  problem = null;
  cameras = 0;

  constructor({ raw }) { this.#raw = raw; }

  get audio() { return this.#local?.audio ?? null; }
  get video() { return this.#local?.video ?? null; }
  get screen() { return this.#local?.screen ?? null; }
  get mirrored() { return this.#local?.mirrored ?? true; }

  /** Opens what is not open yet. Gives `{audio, video}`, what there is now, or null when the calls are over. */
  open({ video }) {
    return this.#next(async () => {
      const fresh = !this.#local;
      const mine = this.#local ??= new LocalMedia({ raw: this.#raw });
      if (!fresh) await mine.setCamera(video);
      else {
        const problem = await mine.open({ video });
        if (this.#local === mine) this.problem = problem;
        const cameras = await cameraCount().catch(() => 0);
        if (this.#local === mine) this.cameras = cameras;
      }
      if (this.#local === mine) return { audio: mine.audio !== null, video: mine.video !== null };
      mine.close();
      return null;
    });
  }

  /** The camera on or off. Gives whether it is on now, or null when the calls are over. */
  setCamera(on) {
    return this.#next(async () => {
      const mine = this.#local;
      if (!mine) return null;
      const isOn = await mine.setCamera(on);
      if (this.#local === mine) return isOn;
      mine.close();
      return null;
    });
  }

  turnCamera() {
    return this.#next(() => this.#local?.turnCamera());
  }

  setMicrophone(on) { this.#local?.setMicrophone(on); }

  /** At once, since a browser asks only within a tap. Gives whether a screen is shared now. */
  async share(ended) {
    return (await this.#local?.shareScreen(ended)) ?? false;
  }

  stopScreen() { this.#local?.stopScreen(); }

  close() {
    this.#local?.close();
    this.#local = null;
    this.problem = null;
  }

  /** One thing at a time: a camera that opens is not closed halfway. */
  #next(job) {
    const done = this.#work.then(job);
    this.#work = done.catch(() => {});
    return done;
  }
}
