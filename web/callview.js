// The screen of a call: pictures, names, flags, controls, and the call that waits. Knows no call rules.

import { $, element, list, paintAvatar, text, useIcon } from './dom.js';
import { Tile } from './tile.js';
import { askWords, clock, hue, mediaWords, shortName, statusLine } from './words.js';

const LEVELS = ['no connection', 'very weak', 'weak', 'good', 'very good'];
const action = (name) => document.querySelector(`#call [data-action="${name}"]`);
const yes = (is) => (is ? 'yes' : 'no');

export class CallView {
  #tile = new Tile($('own-tile'), $('call'));
  #own = $('own');

  constructor() {
    this.#own.addEventListener('resize', () => this.#shapeTile());
  }

  /** `model` as of `model.js`, with a call in it. */
  show(model) {
    const { call, quality, whole, numbersOpen, soundBlocked } = model;
    const answered = ['active', 'reconnecting', 'held'].includes(call.status);
    const silent = call.held || call.remote.held;
    const picture = model.remotePicture && call.remote.videoEnabled && answered && !silent;
    const screen = model.theirScreen && answered && !silent;
    this.#showStage(model, picture, screen);

    const line = ['active', 'reconnecting', 'held'].includes(call.status) ? clock(call.duration) : statusLine(call);
    text($('call-name'), call.peer.displayName);
    text($('call-line'), line);
    text($('centre-name'), call.peer.displayName);
    text($('centre-line'), centreLine(call));
    paintAvatar($('call-avatar'), call.peer);

    $('flag-reconnecting').hidden = call.status !== 'reconnecting';
    $('flag-muted').hidden = !answered || silent || call.remote.audioEnabled;
    text($('flag-muted').querySelector('span'), `${shortName(call.peer)}’s microphone is off`);
    $('flag-on-hold').hidden = !answered || !call.remote.held;
    text($('flag-on-hold').querySelector('span'), `${shortName(call.peer)} put you on hold`);
    $('flag-sharing').hidden = !call.screen;
    $('flag-sound').hidden = !soundBlocked;
    $('flag-held').hidden = !model.heldOther;
    if (model.heldOther) text($('flag-held').querySelector('span'), `${shortName(model.heldOther.peer)} is on hold. Change over`);

    $('fit').hidden = !picture || screen;
    $('fit').setAttribute('aria-pressed', String(whole));
    $('quality').hidden = !answered || silent;
    $('quality').querySelector('.bars').dataset.bars = String(quality.bars);
    $('quality').setAttribute('aria-label', `Connection: ${LEVELS[quality.bars]}. ${numbersOpen ? 'Hide' : 'Show'} the numbers`);
    $('quality').setAttribute('aria-expanded', String(numbersOpen));
    $('numbers').hidden = !numbersOpen || $('quality').hidden;
    if (!$('numbers').hidden) this.#showNumbers(model.numbers);

    const note = call.status === 'incoming' || call.held ? '' : mediaWords(model.mediaProblem);
    text($('media-note'), note);
    $('media-note').hidden = !note;
    this.#showControls(model, answered);
    this.#showWaiting(model.waiting);
    this.#showAsk(call);
  }

  #showStage(model, picture, screen) {
    const { call } = model;
    const root = $('call');
    const selfFull = model.ownPicture && ['preparing', 'calling', 'ringing', 'asking'].includes(call.status);
    const before = root.dataset.self;
    root.dataset.status = call.status;
    root.dataset.picture = yes(picture || screen);
    root.dataset.camera = yes(picture);
    root.dataset.screen = yes(screen);
    root.dataset.self = selfFull ? 'full' : 'tile';
    root.dataset.muted = yes(!call.microphone);
    root.dataset.clean = yes(model.clean && (picture || screen));
    root.dataset.fit = model.whole ? 'whole' : 'fill';
    root.style.setProperty('--hue', hue(call.peer));
    root.setAttribute('aria-label', `Call with ${call.peer.displayName}`);

    const tile = $('own-tile');
    const hiddenBefore = tile.hidden;
    tile.hidden = !model.ownPicture || call.status === 'incoming' || call.held;
    tile.classList.toggle('mirrored', model.mirrored);
    if (hiddenBefore !== tile.hidden || before !== root.dataset.self) {
      this.#shapeTile();
      this.#tile.settle({ atOnce: true });
    }
  }

  #showControls({ call, canTurn, canShare, waiting }, answered) {
    toggle('microphone', call.microphone, ['mic', 'mic-off'], ['Mute', 'Unmute'], ['Mute the microphone', 'Switch the microphone on']);
    toggle('camera', call.camera, ['video', 'video-off'], ['Camera', 'Camera off'], ['Switch the camera off', 'Switch the camera on']);
    toggle('hold', !call.held, ['pause', 'play'], ['Hold', 'Resume'], ['Put the call on hold', 'Take the call back from hold']);
    const share = $('share');
    share.dataset.on = yes(!call.screen);
    share.setAttribute('aria-label', call.screen ? 'Stop sharing your screen' : 'Share your screen');
    text(share.querySelector('.label'), call.screen ? 'Stop' : 'Share');

    action('microphone').hidden = action('camera').hidden = call.held;
    action('turn-camera').hidden = !canTurn || !call.camera || call.held;
    share.hidden = !canShare || !answered || call.held;
    action('hold').hidden = !answered;
    const cancels = ['preparing', 'calling', 'ringing'].includes(call.status);
    text(document.querySelector('.controls [data-action="hang-up"] .label'), cancels ? 'Cancel' : 'Hang up');
    action('accept-audio').hidden = !call.video;
    useIcon(document.querySelector('.answer [data-action="accept"] use'), call.video ? 'video' : 'phone');
    $('call').dataset.waiting = yes(waiting);
  }

  #showWaiting(waiting) {
    const card = $('waiting');
    card.hidden = !waiting;
    if (!waiting) return;
    paintAvatar($('waiting-avatar'), waiting.peer);
    text($('waiting-name'), waiting.peer.displayName);
    text($('waiting-line'), `Incoming ${waiting.video ? 'video' : 'voice'} call`);
    card.setAttribute('aria-label', `${waiting.peer.displayName} is calling`);
    action('hold-accept').hidden = !waiting.canHold;
  }

  #showAsk(call) {
    $('ask').hidden = !call.asks;
    if (!call.asks) return;
    const { title, detail, join, free } = askWords(call);
    text($('ask-title'), title);
    text($('ask-detail'), detail);
    text(action('join-found'), join);
    text(action('free-found'), free);
  }

  #showNumbers(numbers) {
    list($('numbers'), numbers, ([name, value]) => {
      const fragment = document.createDocumentFragment();
      fragment.append(element('dt', '', name), element('dd', '', value));
      return fragment;
    });
  }

  /** The tile takes the shape of the picture in it: upright on a phone, wide on a laptop. */
  #shapeTile() {
    const { videoWidth: width, videoHeight: height } = this.#own;
    if (!width || !height) return;
    const long = Math.min(216, Math.max(132, window.innerWidth * 0.36));
    const ratio = Math.min(16 / 9, Math.max(9 / 16, width / height));
    const style = $('own-tile').style;
    style.setProperty('--tile-w', `${Math.round(ratio >= 1 ? long : long * ratio)}px`);
    style.setProperty('--tile-h', `${Math.round(ratio >= 1 ? long / ratio : long)}px`);
    this.#tile.settle({ atOnce: true });
  }
}

function centreLine(call) {
  if (call.status === 'active') {
    if (call.remote.held) return 'On hold';
    return call.video || call.remote.videoEnabled ? `${shortName(call.peer)}’s camera is off` : clock(call.duration);
  }
  if (call.status === 'reconnecting') return '';
  return statusLine(call);
}

function toggle(name, on, icons, labels, spoken) {
  const button = action(name);
  const index = on ? 0 : 1;
  button.dataset.on = yes(on);
  button.setAttribute('aria-label', spoken[index]);
  text(button.querySelector('.label'), labels[index]);
  useIcon(button.querySelector('use'), icons[index]);
}
