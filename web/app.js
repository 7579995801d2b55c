// Where everything meets: inputs go into the call machine, its effects are carried out, the view shows the result.

import { io } from '/vendor/socket.io.esm.min.js';
import { Account } from './account.js';
import { front, idle, statusOf, step, waiting } from './call.js';
import { CODECS } from './codecs.js';
import { returning } from './comeback.js';
import { face } from './face.js';
import { Meter } from './meter.js';
import { model, snapshot } from './model.js';
import { watchPage } from './pagelife.js';
import { Peers } from './peers.js';
import { Playback } from './playback.js';
import { Studio } from './studio.js';
import { Tones } from './tones.js';
import { View } from './view.js';
import { Wire } from './wire.js';
import { endWords, mediaWords } from './words.js';

/**
 * Of the address: `as` signs a demo person in, `raw` leaves the sound unprocessed, `codec=vp8|h264` is named first,
 * `waiting=off` declines a second ring as busy, `knows=ringing,…` announces no more than that.
 */
const params = new URLSearchParams(location.search);
const TICK_MS = 500;
const SAMPLE_MS = 1_000;

const tones = new Tones();
const view = new View(act);
const account = new Account();
const studio = new Studio({ raw: params.has('raw') });
const playback = new Playback({
  sound: view.sound, camera: view.remote, screen: view.screen, changed: () => render(),
});
const peers = new Peers({
  codec: CODECS.find((name) => name === params.get('codec')) ?? null,
  on: {
    signal: sendSignal,
    ice: (key, state) => feed({ type: 'ice', key, state }),
    described: (key) => feed({ type: 'described', key }),
    remote: () => sync(),
  },
});
const wire = new Wire(io, { state: onSocket, signedIn: onSignedIn, event: onWireEvent, refused: onRefused }, params.get('knows')?.split(','));

let machine = start(null);
let note = null;
let dismissed = true;
let lastPeer = { meter: new Meter(), seen: null };
let ui = freshUi();
let wakeLock = null;

function freshUi() {
  return { clean: false, whole: false, numbersOpen: false };
}

function start(userId) {
  return { ...idle({ userId, deviceId: wire.deviceId }), takesWaiting: params.get('waiting') !== 'off' };
}

function feed(input) {
  const before = machine;
  const { state, effects } = step(machine, input, Date.now());
  machine = state;
  const [was, is] = [front(before), front(state)];
  if (is && is.key !== was?.key) changeFront();
  for (const effect of effects) perform(effect);
  for (const call of before.calls) if (!state.calls.some(({ key }) => key === call.key)) over(call, call.key === was.key);
  if (is && was?.key === is.key && !was.everConnected && is.everConnected) tones.chime('begin');
  const status = statusOf(state);
  tones.play(status === 'incoming' ? 'ring' : status === 'ringing' ? 'ringback' : waiting(state) ? 'waiting' : null);
  sync();
}

function perform(effect) {
  switch (effect.do) {
    case 'emit': return say(effect);
    case 'openMedia': return void openMedia(effect);
    case 'rest': return void rest();
    case 'connect': return connect(effect);
    case 'signal': return void peers.connection(effect.key)?.receive(effect.signal);
    case 'offer': return void peers.connection(effect.key)?.offer();
    case 'restart': return void peers.connection(effect.key)?.offer({ restart: true });
    case 'configure': return peers.connection(effect.key)?.configure(effect.iceServers);
    case 'microphone': return studio.setMicrophone(effect.on);
    case 'camera': return void setCamera(effect.on);
    case 'screen': return void setScreen(effect);
    case 'reportQuality': return reportQuality(effect);
    case 'notice': return view.toast(effect.text);
    case 'close': return close(effect.key);
  }
}

async function say({ event, payload, reply, key, late, brief }) {
  if (!reply) return wire.tell(event, payload, { late });
  const askedFor = machine.calls.flatMap(({ callId }) => callId ?? []);
  const answer = await wire.ask(event, payload, brief ? 4_000 : undefined);
  feed({ type: reply, key, event, askedFor, ...answer });
}

function changeFront() {
  ui = freshUi();
  dismissed = false;
}

/** A call ended: the last one closes the devices; one behind another is told in a line. */
function over(call, wasInFront) {
  const { lastEnded, calls } = machine;
  if (wasInFront) tones.chime('end');
  else if (lastEnded?.key === call.key && lastEnded.by !== 'me') view.toast(`${call.peer.displayName}: ${endWords(lastEnded).title}`);
  if (calls.length) return;
  studio.close();
  wakeLock?.release().catch(() => {});
  wakeLock = null;
}

async function openMedia({ key, video }) {
  const got = await studio.open({ video });
  const call = front(machine);
  if (!got || call?.key !== key) return;
  if (got.video && !call.camera) await setCamera(false);
  studio.setMicrophone(call.microphone);
  feed({ type: 'media', key, audio: got.audio, video: got.video && call.camera });
}

/** On hold: nothing is sent, and the camera's light goes out unless another call wants it. */
async function rest() {
  if (front(machine)?.held) await studio.setCamera(false);
  sync();
}

async function setCamera(on) {
  const isOn = await studio.setCamera(on);
  if (isOn === null || front(machine)?.camera !== on) return;
  sync();
  if (on && !isOn) {
    view.toast(mediaWords('no-camera'));
    feed({ type: 'setCamera', on: false });
  }
}

async function setScreen({ key, on }) {
  if (on && !await studio.share(() => feed({ type: 'screen', key, on: false }))) return;
  if (!on) studio.stopScreen();
  feed({ type: 'screen', key, on, beside: peers.connection(key)?.hasScreen ?? false });
}

function connect(effect) {
  peers.connect(effect);
  if (wakeLock && !wakeLock.released) return;
  navigator.wakeLock?.request('screen').then((lock) => { wakeLock = lock; }, () => {});
}

function close(key) {
  const peer = peers.of(key);
  if (peer) lastPeer = peer;
  peers.close(key);
  if (!machine.calls.some(({ screen }) => screen)) studio.stopScreen();
}

function sendSignal(key, signal) {
  const call = machine.calls.find((one) => one.key === key);
  if (!call) return;
  const addressed = { ...signal, from: machine.me.userId, to: call.peer.userId };
  if (machine.server.length) {
    addressed.fromDevice = machine.me.deviceId;
    if (call.peerDevice) addressed.toDevice = call.peerDevice;
  }
  wire.tell('call:signal', { callId: call.callId, signal: addressed });
}

/** Connections, video elements and the view follow the machine: what is on hold sends, shows and says nothing. */
function sync() {
  const inFront = front(machine);
  for (const call of machine.calls) {
    const connection = peers.connection(call.key);
    if (!connection) continue;
    const shared = call.screen ? studio.screen : null;
    const beside = connection.hasScreen;
    if (call !== inFront || call.held) connection.carry({});
    else connection.carry({ audio: studio.audio, video: beside ? studio.video : shared ?? studio.video, screen: beside ? shared : null });
  }
  playback.show((inFront && !inFront.held && peers.of(inFront.key)) || null);
  const showing = view.own.srcObject?.getVideoTracks()[0] ?? null;
  if (showing !== studio.video) view.own.srcObject = studio.video ? new MediaStream([studio.video]) : null;
  render();
}

function render() {
  view.show(model({
    state: machine, account, socket: wire.state, dismissed, note, studio, playback, meter: current().meter, ui,
  }));
}

/** The connection in front; without a call the last one. */
function current() {
  const inFront = front(machine);
  return inFront ? peers.of(inFront.key) ?? nobody() : lastPeer;
}

const nobody = () => ({ meter: new Meter(), seen: null });

async function sample() {
  await peers.sample((key) => {
    const call = machine.calls.find((one) => one.key === key);
    return Boolean(call && !call.held && call.remote.videoEnabled && !call.remote.held && playback.picture);
  });
  if (!playback.picture && current().meter.last.framesDecoded > 0) playback.noteFrame();
}

function reportQuality({ key, callId }) {
  const stats = peers.of(key)?.meter.report();
  if (stats) wire.tell('call:quality-report', { callId, stats });
}

async function login(username) {
  note = null;
  try {
    await account.login(username);
  } catch (error) {
    note = error.message;
    render();
    throw error;
  }
  remember(username);
  enter(account.session.user.id);
  await loadPeople();
  await until(() => wire.state === 'connected');
}

/** The address has an invitation: its holder comes in as a guest, under a name; after a reload as the same one. */
async function comeIn(name) {
  note = null;
  try {
    if (!account.resume()) await account.comeIn(name);
    enter(account.session.user.id);
    await loadPeople();
  } catch (error) {
    note = error.message;
    render();
  }
}

function enter(userId) {
  wire.signOut();
  machine = start(userId);
  dismissed = true;
  wire.connect(account.session.token, { guest: account.session.guest });
}

async function loadPeople() {
  try {
    await account.loadPeople();
    feed({ type: 'memberships', map: account.memberships });
  } catch (error) {
    view.toast(error.message);
  }
  render();
}

async function signOut() {
  for (const { key } of machine.calls) feed({ type: 'hangUp', key });
  wire.signOut();
  account.signOut();
  remember(null);
  await loadChoices();
}

/** The address says who is signed in, so that a reload finds them again. */
function remember(username) {
  const address = new URL(location.href);
  if (username) address.searchParams.set('as', username);
  else address.searchParams.delete('as');
  address.hash = '';
  history.replaceState(null, '', address);
}

async function loadChoices() {
  try {
    await account.loadChoices();
  } catch (error) {
    note = error.message;
  }
  if (!window.isSecureContext) note ??= mediaWords('insecure');
  render();
}

function onSocket(state) {
  if (state !== 'connected') feed({ type: 'socket', up: false });
}

function onSignedIn({ capabilities }) {
  const calls = returning(machine.me.userId);
  if (calls.length) feed({ type: 'comeback', calls });
  feed({ type: 'socket', up: true, capabilities });
}

function onWireEvent(name, payload) {
  feed({ type: 'event', name, payload });
}

/** A demo token that ran out is asked for anew; any other refusal leads back to the sign-in. */
async function onRefused({ code, message }) {
  if (await account.renew()) return wire.connect(account.session.token);
  const guest = account.session?.guest;
  await signOut();
  note = guest ? 'This invitation is not valid any more.' : message || `The server refused the sign-in (${code}).`;
  render();
}

function place(username, video) {
  const person = account.people.find((one) => one.username === username);
  if (!person) throw new Error(`there is nobody called ${username} here`);
  tones.unlock();
  const { conversationId, userId, displayName, avatar } = person;
  feed({
    type: 'place', conversationId, video,
    peer: { userId, username, displayName: displayName ?? username, avatar: avatar ?? null },
  });
}

/** What a tap does; `about` is a username or the id of a call. */
function act(action, about) {
  const call = front(machine);
  switch (action) {
    case 'come-in': return void comeIn(about);
    case 'sign-in': return void login(about).catch(() => {});
    case 'sign-out': return void signOut();
    case 'call-video': return place(about, true);
    case 'call-audio': return place(about, false);
    case 'echo-calls-me': return letEchoCall();
    case 'accept': return feed({ type: 'accept' });
    case 'accept-audio': return feed({ type: 'accept', video: false });
    case 'hold-accept': return feed({ type: 'accept', key: waiting(machine)?.key, others: 'hold' });
    case 'end-accept': return feed({ type: 'accept', key: waiting(machine)?.key, others: 'end' });
    case 'decline-waiting': return feed({ type: 'decline', key: waiting(machine)?.key });
    case 'decline': return feed({ type: 'decline' });
    case 'hang-up': return feed({ type: 'hangUp' });
    case 'microphone': return feed({ type: 'setMicrophone', on: !call?.microphone });
    case 'camera': return feed({ type: 'setCamera', on: !call?.camera });
    case 'screen': return feed({ type: 'setScreen', on: !call?.screen });
    case 'hold': return feed({ type: 'setHold', on: !call?.held });
    case 'swap': return feed({ type: 'swap' });
    case 'join-found': return feed({ type: 'joinFound' });
    case 'free-found': return feed({ type: 'freeFound' });
    case 'take-over': return feed({ type: 'takeOver', callId: about });
    case 'end-elsewhere': return feed({ type: 'endElsewhere', conversationId: about });
    case 'turn-camera': return void studio.turnCamera().then(() => sync());
    case 'call-again': return callAgain();
    case 'dismiss': dismissed = true; break;
    case 'numbers': ui.numbersOpen = !ui.numbersOpen; break;
    case 'fit': ui.whole = !ui.whole; break;
    case 'picture': ui.clean = !ui.clean; break;
    case 'sound': return void playback.unblock();
  }
  render();
}

/** The same conversation again; whoever called may be no one that is listed, a guest for instance. */
function callAgain() {
  const { lastEnded } = machine;
  if (!lastEnded) return;
  tones.unlock();
  feed({ type: 'place', conversationId: lastEnded.conversationId, video: lastEnded.video, peer: lastEnded.peer });
}

function letEchoCall() {
  tones.unlock();
  account.letEchoCall().then(() => view.toast('Echo will ring in a moment.'), (error) => view.toast(error.message));
}

setInterval(() => { if (machine.calls.length) feed({ type: 'tick' }); }, TICK_MS);
setInterval(() => void sample(), SAMPLE_MS);
addEventListener('pointerdown', () => tones.unlock(), { capture: true });
addEventListener('keydown', () => tones.unlock(), { capture: true });
watchPage({ machine: () => machine, account, wire, feed });

async function until(met, limitMs = 10_000) {
  const deadline = Date.now() + limitMs;
  while (!met()) {
    if (Date.now() > deadline) throw new Error('this took too long');
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

window.ringwire = face({
  machine: () => machine, snapshot, session: () => account.session, socket: () => wire.state, people: () => account.people,
  current, connection: () => peers.connection(front(machine)?.key), mediaProblem: () => studio.problem,
  login, place, feed, video: view.remote,
});

account.invitation = new URLSearchParams(location.hash.slice(1)).get('invite');
if (account.invitation) {
  if (account.resume()) void comeIn();
  else render();
} else if (params.get('as')) login(params.get('as')).catch(() => loadChoices());
else loadChoices();
