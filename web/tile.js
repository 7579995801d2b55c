// The own picture in a corner: dragged by finger or mouse, moved by arrow keys, always resting in one of four corners.

const EDGE = 16;
const ABOVE_CONTROLS = 138;
const BELOW_BAR = 76;

export class Tile {
  #element;
  #stage;
  #corner = { right: true, bottom: true };
  #held = null;

  constructor(element, stage) {
    this.#element = element;
    this.#stage = stage;
    element.addEventListener('pointerdown', (event) => this.#take(event));
    element.addEventListener('pointermove', (event) => this.#move(event));
    for (const end of ['pointerup', 'pointercancel']) element.addEventListener(end, () => this.#drop());
    element.addEventListener('keydown', (event) => this.#key(event));
    new ResizeObserver(() => this.settle({ atOnce: true })).observe(stage);
  }

  /** To its corner; `atOnce` without gliding. */
  settle({ atOnce = false } = {}) {
    const { left, right, top, bottom } = this.#room();
    this.#element.classList.toggle('at-once', atOnce);
    this.#place(this.#corner.right ? right : left, this.#corner.bottom ? bottom : top);
  }

  #take(event) {
    if (event.button !== 0) return;
    this.#element.setPointerCapture(event.pointerId);
    const { x, y } = this.#element.getBoundingClientRect();
    this.#held = { dx: event.clientX - x, dy: event.clientY - y };
    this.#element.classList.add('dragging');
  }

  #move(event) {
    if (this.#held) this.#place(event.clientX - this.#held.dx, event.clientY - this.#held.dy);
  }

  #drop() {
    if (!this.#held) return;
    this.#held = null;
    this.#element.classList.remove('dragging');
    const tile = this.#element.getBoundingClientRect();
    this.#corner = {
      right: tile.x + tile.width / 2 > this.#stage.clientWidth / 2,
      bottom: tile.y + tile.height / 2 > this.#stage.clientHeight / 2,
    };
    this.settle();
  }

  #key(event) {
    const { right, bottom } = this.#corner;
    const moved = {
      ArrowLeft: { right: false, bottom }, ArrowRight: { right: true, bottom },
      ArrowUp: { right, bottom: false }, ArrowDown: { right, bottom: true },
    }[event.key];
    if (!moved) return;
    event.preventDefault();
    this.#corner = moved;
    this.settle();
  }

  #room() {
    const { clientWidth, clientHeight } = this.#stage;
    const besideControls = clientWidth >= 760 || clientHeight <= 480;
    return {
      left: EDGE, right: clientWidth - this.#element.offsetWidth - EDGE,
      top: BELOW_BAR, bottom: clientHeight - this.#element.offsetHeight - (besideControls ? EDGE : ABOVE_CONTROLS),
    };
  }

  #place(x, y) {
    this.#element.style.setProperty('--x', `${Math.round(x)}px`);
    this.#element.style.setProperty('--y', `${Math.round(y)}px`);
  }
}
