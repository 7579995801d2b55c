// Where everything meets: inputs go into the call machine, its effects are carried out, the view shows the result.

import { io } from '/vendor/socket.io.esm.min.js';
import { idle, statusOf, step } from './call.js';
import { Connection } from './connection.js';
import { face } from './face.js';
import { demoLogin, demoPeople, echoCalls, fetchConversations } from './gateway.js';
import { LocalMedia, cameraCount } from './media.js';
import { Meter } from './meter.js';
import { Tones } from './tones.js';
import { View } from './view.js';
import { Wire } from './wire.js';
import { mediaWords } from './words.js';

const params = new URLSearchParams(location.search);
const TICK_MS = 500;
const SAMPLE_MS = 1_000;

const tones = new Tones();
const view = new View(act);
const wire = new Wire(io, { state: onSocket, signedIn: onSignedIn, event: onWireEvent, refused: onRefused });

let machine = idle({ userId: null, deviceId: wire.deviceId });
let session = null; // {token, user}
let people = []; // [{id, username, displayName, avatar?, conversationId}]
let choices = [];
let note = null;
let dismissed = true;
let local = null;
let localKey = null;
let mediaProblem = null;
let connection = null;
let firstFrame = null;
let meter = new Meter();
let ui = freshUi();
let cameras = 0;
let wakeLock = null;

function freshUi() {
  return { clean: false, whole: false, numbersOpen: false, soundBlocked: false, remotePicture: false };
}

// --- the machine

function feed(input) {
  const before = machine;
  const { state, effects } = step(machine, input, Date.now());
  machine = state;
  if (state.call && state.call.key !== before.call?.key) beginCall();
  for (const effect of effects) perform(effect);
  if (before.call && !state.call) overCall();
  if (before.call?.everConnected === false && state.call?.everConnected) tones.chime('begin');
  const status = statusOf(state);
  tones.play(status === 'incoming' ? 'ring' : status === 'ringing' ? 'ringback' : null);
  render();
}

function perform(effect) {
  switch (effect.do) {
    case 'emit': return say(effect);
    case 'openMedia': return openMedia(effect);
    case 'connect': return connect(effect);
    case 'signal': return void connection?.receive(effect.signal);
    case 'offer': return void connection?.offer();
    case 'restart': return void connection?.offer({ restart: true });
    case 'configure': return connection?.configure(effect.iceServers);
    case 'microphone': return local?.setMicrophone(effect.on);
    case 'camera': return void setCamera(effect.on);
    case 'reportQuality': return reportQuality(effect.callId);
    case 'notice': return view.toast(effect.text);
    case 'close': return closeConnection();
  }
}

async function say({ event, payload, reply, key, late, brief }) {
  if (!reply) return wire.tell(event, payload, { late });
  const askedFor = machine.call?.callId ?? null;
  const answer = await wire.ask(event, payload, brief ? 4_000 : undefined);
  feed({ type: reply, key, askedFor, ...answer });
}

function beginCall() {
  ui = freshUi();
  firstFrame = null;
  mediaProblem = null;
  meter = new Meter();
  dismissed = false;
}

function overCall() {
  tones.chime('end');
  local?.close();
  local = null;
  localKey = null;
  view.own.srcObject = null;
  view.remote.srcObject = null;
  wakeLock?.release().catch(() => {});
  wakeLock = null;
}

// --- media and connection

async function openMedia({ key, video }) {
  if (localKey !== key) {
    local?.close();
    local = new LocalMedia({ raw: params.has('raw') });
    localKey = key;
    const mine = local;
    const problem = await mine.open({ video });
    if (local !== mine) return mine.close();
    mediaProblem = problem;
    cameras = await cameraCount().catch(() => 0);
    if (local !== mine) return;
  }
  if (machine.call && !machine.call.camera) await local.setCamera(false);
  local.setMicrophone(machine.call?.microphone ?? true);
  sendTracks();
  feed({ type: 'media', key, audio: local.audio !== null, video: local.video !== null });
}

async function setCamera(on) {
  const mine = local;
  if (!mine) return;
  const isOn = await mine.setCamera(on);
  if (local !== mine) return mine.close();
  if (machine.call && machine.call.camera !== on) return;
  sendTracks();
  if (on && !isOn) {
    view.toast(mediaWords('no-camera'));
    feed({ type: 'setCamera', on: false });
  }
  render();
}

function sendTracks() {
  connection?.setTrack('audio', local?.audio ?? null);
  connection?.setTrack('video', local?.video ?? null);
  const showing = view.own.srcObject?.getVideoTracks()[0] ?? null;
  if (showing !== (local?.video ?? null)) view.own.srcObject = local?.video ? new MediaStream([local.video]) : null;
}

function connect({ offerer, iceServers }) {
  closeConnection();
  const { key, callId, peer } = machine.call;
  const made = new Connection({
    offerer,
    iceServers,
    on: {
      signal: (signal) => sendSignal(callId, peer, signal),
      ice: (state) => feed({ type: 'ice', key, state }),
      described: () => feed({ type: 'described', key }),
      remote: showRemote,
      problem: (error) => console.warn('connection:', error?.name, error?.message),
    },
  });
  connection = made;
  meter.restart();
  if (local) sendTracks();
  if (offerer) made.offer();
  navigator.wakeLock?.request('screen').then((lock) => { wakeLock = lock; }, () => {});
}

function closeConnection() {
  connection?.close();
  connection = null;
}

function sendSignal(callId, peer, signal) {
  const call = machine.call;
  if (call?.callId !== callId) return;
  const addressed = { ...signal, from: machine.me.userId, to: peer.userId };
  if (machine.server.length) {
    addressed.fromDevice = machine.me.deviceId;
    if (call.peerDevice) addressed.toDevice = call.peerDevice;
  }
  wire.tell('call:signal', { callId, signal: addressed });
}

function showRemote(stream) {
  const video = view.remote;
  if (video.srcObject !== stream) video.srcObject = stream;
  video.muted = false;
  play(video);
  watchFirstFrame(video);
}

/** Without a tap before it, a browser may refuse sound; the picture is shown all the same and the sound asked for. */
async function play(video) {
  try {
    await video.play();
    ui.soundBlocked = false;
  } catch (error) {
    if (error.name !== 'NotAllowedError') return;
    video.muted = true;
    ui.soundBlocked = true;
    await video.play().catch(() => {});
  }
  render();
}

function watchFirstFrame(video) {
  const call = machine.call;
  const seen = () => {
    if (machine.call?.key !== call?.key || ui.remotePicture) return;
    noteFirstFrame();
    render();
  };
  video.onloadeddata = () => { if (video.videoWidth) seen(); };
  video.onresize = () => { if (video.videoWidth) seen(); };
  video.requestVideoFrameCallback?.(seen);
}

function noteFirstFrame() {
  ui.remotePicture = true;
  firstFrame ??= Date.now();
}

// --- quality

async function sample() {
  const [current, mine] = [connection, meter];
  if (!current) return;
  await mine.sample(current, ui.remotePicture && Boolean(machine.call?.remote.videoEnabled));
  if (connection === current && mine.last.framesDecoded > 0 && !ui.remotePicture) noteFirstFrame();
}

function reportQuality(callId) {
  const stats = meter.report();
  if (stats) wire.tell('call:quality-report', { callId, stats });
}

// --- signing in and the socket

async function login(username) {
  note = null;
  try {
    session = await demoLogin(username);
  } catch (error) {
    note = error.message;
    render();
    throw error;
  }
  wire.signOut();
  machine = idle({ userId: session.user.id, deviceId: wire.deviceId });
  people = [];
  dismissed = true;
  const address = new URL(location.href);
  address.searchParams.set('as', username);
  history.replaceState(null, '', address);
  wire.connect(session.token);
  await loadPeople();
  render();
  await until(() => wire.state === 'connected');
}

async function loadPeople() {
  try {
    const { conversations } = await fetchConversations(session.token);
    people = conversations.filter(({ type }) => type === 'direct').flatMap((conversation) => {
      const other = conversation.members.find(({ userId }) => userId !== session.user.id);
      return other ? [{ ...other, id: other.userId, conversationId: conversation.id }] : [];
    });
    const mine = conversations.map(({ id, members }) => (
      [id, members.find(({ userId }) => userId === session.user.id)?.participantId ?? null]));
    feed({ type: 'memberships', map: Object.fromEntries(mine) });
  } catch (error) {
    view.toast(error.message);
  }
}

async function signOut() {
  if (machine.call) feed({ type: 'hangUp' });
  wire.signOut();
  session = null;
  people = [];
  const address = new URL(location.href);
  address.searchParams.delete('as');
  history.replaceState(null, '', address);
  await loadChoices();
}

async function loadChoices() {
  if (!choices.length) {
    try {
      choices = (await demoPeople()).people.filter(({ username }) => username !== 'echo');
    } catch (error) {
      note = error.message;
    }
  }
  if (!window.isSecureContext) note ??= mediaWords('insecure');
  render();
}

function onSocket(state) {
  if (state !== 'connected') feed({ type: 'socket', up: false });
}

function onSignedIn({ capabilities }) {
  feed({ type: 'socket', up: true, capabilities });
}

function onWireEvent(name, payload) {
  feed({ type: 'event', name, payload });
}

/** A demo token that ran out is asked for anew, once a minute at most; any other refusal leads back to the sign-in. */
async function onRefused({ code, message }) {
  const username = session?.user.username;
  if (username && Date.now() - (session.renewedAt ?? 0) > 60_000) {
    try {
      session = { ...(await demoLogin(username)), renewedAt: Date.now() };
      wire.connect(session.token);
      return;
    } catch { /* told below */ }
  }
  await signOut();
  note = message || `The server refused the sign-in (${code}).`;
  render();
}

// --- what the person does

function place(username, video) {
  const person = people.find((one) => one.username === username);
  if (!person) throw new Error(`there is nobody called ${username} here`);
  tones.unlock();
  const { conversationId, userId, displayName, avatar } = person;
  feed({
    type: 'place', conversationId, video,
    peer: { userId, username, displayName: displayName ?? username, avatar: avatar ?? null },
  });
}

function act(action, person) {
  const call = machine.call;
  switch (action) {
    case 'sign-in': return void login(person).catch(() => {});
    case 'sign-out': return void signOut();
    case 'call-video': return place(person, true);
    case 'call-audio': return place(person, false);
    case 'echo-calls-me': return void letEchoCall();
    case 'accept': return feed({ type: 'accept' });
    case 'accept-audio': return feed({ type: 'accept', video: false });
    case 'decline': return feed({ type: 'decline' });
    case 'hang-up': return feed({ type: 'hangUp' });
    case 'microphone': return feed({ type: 'setMicrophone', on: !call?.microphone });
    case 'camera': return feed({ type: 'setCamera', on: !call?.camera });
    case 'turn-camera': return void local?.turnCamera().then(() => { sendTracks(); render(); });
    case 'call-again': return callAgain();
    case 'dismiss': dismissed = true; break;
    case 'numbers': ui.numbersOpen = !ui.numbersOpen; break;
    case 'fit': ui.whole = !ui.whole; break;
    case 'picture': ui.clean = !ui.clean; break;
    case 'sound':
      view.remote.muted = false;
      return void play(view.remote);
  }
  render();
}

function callAgain() {
  const last = machine.lastEnded;
  if (!last) return;
  place(last.peer.username, last.video);
}

async function letEchoCall() {
  const echo = people.find(({ username }) => username === 'echo');
  tones.unlock();
  try {
    await echoCalls(session.token, echo.conversationId);
    view.toast('Echo will ring in a moment.');
  } catch (error) {
    view.toast(error.message);
  }
}

// --- the view

function callSnapshot() {
  const call = machine.call;
  if (!call) return null;
  const duration = call.answeredAt ? Math.floor((Date.now() - call.answeredAt) / 1000) : 0;
  const { callId, conversationId, direction, peer, video, microphone, camera, remote, startedAt, answeredAt } = call;
  return {
    callId, conversationId, status: statusOf(machine), direction, peer, video, microphone, camera, muted: !microphone,
    remote: { ...remote }, startedAt, answeredAt, duration, endReason: null,
  };
}

function model() {
  const call = callSnapshot();
  const ended = machine.lastEnded;
  const screen = !session ? 'sign-in' : call ? 'call' : ended && !dismissed ? 'after' : 'home';
  return {
    screen, call, ended, note, choices, socket: wire.state,
    me: session?.user ?? null,
    people: people.filter(({ username }) => username !== 'echo'),
    echo: people.some(({ username }) => username === 'echo'),
    ownPicture: local?.video != null, mirrored: local?.mirrored ?? true, canTurn: cameras > 1,
    numbers: ui.numbersOpen ? meter.rows({ theirPicture: call?.remote.videoEnabled, myPicture: local?.video }) : [],
    quality: meter.quality, mediaProblem, ...ui,
  };
}

function render() {
  view.show(model());
}

// --- the page

setInterval(() => { if (machine.call) feed({ type: 'tick' }); }, TICK_MS);
setInterval(() => void sample(), SAMPLE_MS);
addEventListener('pointerdown', () => tones.unlock(), { capture: true });
addEventListener('keydown', () => tones.unlock(), { capture: true });
addEventListener('online', () => wire.hurry());
document.addEventListener('visibilitychange', () => {
  const call = machine.call;
  if (!call?.everConnected) return;
  const event = document.hidden ? 'call:backgrounded' : 'call:foregrounded';
  wire.tell(event, { callId: call.callId, participantId: call.myParticipantId ?? machine.me.userId });
});

/** Leaving the page is hanging up. A ring goes on: another device of mine may take it. */
addEventListener('pagehide', () => {
  if (machine.call && statusOf(machine) !== 'incoming') feed({ type: 'hangUp' });
  wire.close();
});
addEventListener('pageshow', ({ persisted }) => { if (persisted && session) wire.connect(session.token); });

async function until(met, limitMs = 10_000) {
  const deadline = Date.now() + limitMs;
  while (!met()) {
    if (Date.now() > deadline) throw new Error('this took too long');
    await new Promise((resume) => setTimeout(resume, 50));
  }
}

window.ringwire = face({
  machine: () => machine, call: callSnapshot, session: () => session, socket: () => wire.state, people: () => people,
  firstFrame: () => firstFrame, meter: () => meter, connection: () => connection, mediaProblem: () => mediaProblem,
  login, place, feed, video: view.remote,
});

if (params.get('as')) {
  login(params.get('as')).catch(() => loadChoices());
} else loadChoices();
