// The socket: connecting, signing in, acks with time-outs, what must still be said after a reconnect.
// Knows the transport part of the contract; what events mean is not decided here.

/** What this page can do beyond the basic contract, as announced in `client.capabilities`. */
export const CAPABILITIES = ['ringing', 'negotiate', 'version', 'screen', 'hold'];
export const VERSION = '0.1.0';

const ACK_MS = 8_000;
const MAX_LATE = 16;

/** CONNECT_ERRORs that speak of the server and not of the token. */
const RETRIED = new Set(['CONNECTION_FAILED', 'RATE_LIMIT_EXCEEDED']);
const RETRY_MS = 1_000;
const RETRY_MAX_MS = 7_000;

export class Wire {
  #io;
  #on;
  #capabilities;
  #socket = null;
  #identity = null;
  #late = [];
  #refusals = 0;
  #state = 'signed-out';

  /** This load of the page, as the contract wants of a browser. */
  deviceId = newDeviceId();

  /**
   * `io` is socket.io-client's; `on` is `{state(name), signedIn({user, capabilities}), event(name, payload),
   * refused({code, message})}`. States: signed-out, connecting, connected, reconnecting.
   */
  constructor(io, on, capabilities = CAPABILITIES) {
    this.#io = io;
    this.#on = on;
    this.#capabilities = capabilities;
  }

  get state() { return this.#state; }

  /**
   * Opens the socket with a user's token or, with `guest`, a guest's session; a later one of the same person replaces it.
   * Another person signs out first.
   */
  connect(token, { guest = false } = {}) {
    this.close();
    this.#refusals = 0;
    this.#identity = guest
      ? { sessionToken: token, sessionType: 'anonymous' }
      : { authToken: token, tokenType: 'jwt' };
    this.#set('connecting');
    const socket = this.#io({
      path: '/socket.io/',
      transports: ['websocket'],
      forceNew: true,
      reconnectionDelay: 300,
      reconnectionDelayMax: 7_000,
      randomizationFactor: 1,
      auth: (answer) => answer({
        ...this.#identity,
        client: { name: 'ringwire-web', version: VERSION, platform: 'web', deviceId: this.deviceId, capabilities: this.#capabilities },
      }),
    });
    this.#socket = socket;
    const current = (handler) => (...args) => { if (this.#socket === socket) handler(...args); };

    socket.on('authenticated', current((body) => this.#authenticated(body)));
    socket.on('auth:token-expired', current((body) => this.#refuse(body)));
    socket.on('disconnect', current((reason) => {
      this.#set('reconnecting');
      if (reason === 'io server disconnect') setTimeout(current(() => socket.connect()), 1_000);
    }));
    socket.on('connect_error', current((error) => {
      if (socket.active) return;
      const why = refusal(error);
      if (!RETRIED.has(why.code)) return this.#refuse(why);
      this.#set('reconnecting');
      const backOff = Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(8, this.#refusals++));
      const wait = Math.max(backOff * (0.5 + Math.random() / 2), Math.min(60, why.retryAfter) * 1_000);
      setTimeout(current(() => socket.connect()), wait);
    }));
    socket.onAny(current((name, payload) => {
      if (name.startsWith('call:')) this.#on.event(name, payload);
    }));
  }

  /** Back at once after the network changed, instead of at the end of the back-off. */
  hurry() {
    const socket = this.#socket;
    if (!socket || socket.connected) return;
    socket.disconnect();
    socket.connect();
  }

  /** Says it and waits for nothing. With `late`, an end that cannot be said now is said after the reconnect. */
  tell(event, payload, { late = false } = {}) {
    if (this.#state === 'connected') this.#socket.emit(event, ...body(payload));
    else if (late && this.#late.length < MAX_LATE) this.#late.push([event, payload]);
  }

  /**
   * Says it and resolves, never rejects, with `{ok, data?, error?, silent?}`. `silent` means that no ack came in time,
   * which an older server is allowed.
   */
  async ask(event, payload, timeoutMs = ACK_MS) {
    if (this.#state !== 'connected') return { ok: false, error: { code: 'OFFLINE', message: 'not connected' } };
    try {
      return readAck(await this.#socket.timeout(timeoutMs).emitWithAck(event, ...body(payload)));
    } catch {
      return { ok: false, silent: true };
    }
  }

  /** Closes the socket. What waits to be said is kept for the next `connect`. */
  close() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.disconnect();
    this.#set('signed-out');
  }

  /** Closes the socket for good: what waits to be said was this user's and is forgotten. */
  signOut() {
    this.#late = [];
    this.close();
  }

  #authenticated(answer) {
    if (answer?.success === false) {
      this.#refuse({ code: 'NOT_AUTHENTICATED', message: answer.message ?? 'sign-in refused' });
      return;
    }
    this.#refusals = 0;
    this.#set('connected');
    const capabilities = Array.isArray(answer?.capabilities) ? answer.capabilities : [];
    for (const [event, payload] of this.#late.splice(0)) this.tell(event, payload);
    this.#on.signedIn({ user: answer?.user ?? null, capabilities });
  }

  /** A refused token is never tried again; whoever owns the page asks for another or signs out. */
  #refuse(error) {
    this.close();
    this.#on.refused({ code: error?.code ?? 'NOT_AUTHENTICATED', message: error?.message ?? '' });
  }

  #set(state) {
    if (this.#state === state) return;
    this.#state = state;
    this.#on.state(state);
  }
}

/**
 * A CONNECT_ERROR `{message, data?:{code, retryAfter?}}` as `{code, message, retryAfter}`, seconds. A server that sends no
 * data may begin the message with `CODE: `. Without any code it is the token that was refused.
 */
export function refusal(error) {
  const words = typeof error?.message === 'string' ? error.message : '';
  const [, before, rest] = /^([A-Z][A-Z_]*[A-Z]): (.*)$/s.exec(words) ?? [];
  const { code, retryAfter } = error?.data ?? {};
  return {
    code: (typeof code === 'string' && code) || before || 'NOT_AUTHENTICATED',
    message: rest ?? words,
    retryAfter: retryAfter > 0 ? Number(retryAfter) : 0,
  };
}

/** An ack body in the shapes that servers use: `{success, data}`, `{success:false, error}` or the data itself. */
export function readAck(answer) {
  if (answer === null || typeof answer !== 'object') return { ok: true, data: {} };
  if (answer.success === false) {
    const error = typeof answer.error === 'object' && answer.error ? answer.error : { message: String(answer.error ?? '') };
    return { ok: false, error: { code: 'CONNECTION_FAILED', ...error } };
  }
  return { ok: true, data: answer.data ?? answer };
}

const body = (payload) => (payload === undefined ? [] : [payload]);

/** `crypto.randomUUID` exists only on secure pages; this works on all. */
function newDeviceId() {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `web-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
