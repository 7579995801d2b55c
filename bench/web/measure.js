// Marks the steps of accepting a call in the page, before the page's own code runs. Every instant is in epoch ms,
// of the clock that page and worker share. `window.measured.firstFrame` resolves when the first whole picture of the
// other person is there, before it is decoded.

{
  const now = () => performance.timeOrigin + performance.now();
  const worker = new Worker('/measure-worker.js');
  let call = begin();

  function begin() {
    const made = { marks: {} };
    made.firstFrame = new Promise((seen) => { made.seen = seen; });
    return made;
  }

  const mark = (name) => { call.marks[name] ??= now(); };

  window.measured = {
    /** What was marked since the tap. */
    get marks() { return { ...call.marks }; },
    /** Resolves with the marks. */
    get firstFrame() { return call.firstFrame; },
  };

  const frames = new Map();
  let count = 0;
  worker.onmessage = ({ data: { id, at } }) => {
    const of = frames.get(id);
    frames.delete(id);
    if (!of) return;
    of.marks.firstFrame ??= at;
    of.seen({ ...of.marks });
  };

  document.addEventListener('click', ({ target }) => {
    if (!target.closest?.('[data-action=accept]')) return;
    call = begin();
    mark('accept');
  }, { capture: true });

  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      // The first ack after the tap is that of `call:join`.
      this.addEventListener('message', ({ data }) => {
        if (typeof data === 'string' && data.startsWith('43')) mark('joined');
      });
    }
  };

  window.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...args) {
      super(...args);
      const made = call;
      this.addEventListener('track', ({ track, receiver }) => {
        if (track.kind !== 'video') return;
        const id = count++;
        frames.set(id, made);
        receiver.transform = new RTCRtpScriptTransform(worker, { id });
      });
      this.addEventListener('iceconnectionstatechange', () => {
        if (this.iceConnectionState === 'connected') mark('path');
      });
      this.addEventListener('connectionstatechange', () => {
        if (this.connectionState === 'connected') mark('connected');
      });
    }

    async setRemoteDescription(description) {
      if (description?.type === 'offer') mark('offer');
      return super.setRemoteDescription(description);
    }

    async setLocalDescription(description) {
      const done = await super.setLocalDescription(description);
      if (description?.type === 'answer') mark('answer');
      return done;
    }
  };
}
