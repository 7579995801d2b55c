// Measures a connection once a second: the last figures, the verdict, the rows of the numbers panel, the reports.

import { NOTHING, between, judge, readStats, reportStats } from './quality.js';

export class Meter {
  last = NOTHING;
  quality = { bars: 4, level: 'good' };
  #change = null;
  #reported = null;

  /** Takes a sample; `videoExpected` says that a picture should be coming. */
  async sample(connection, videoExpected) {
    const report = await connection.stats().catch(() => null);
    if (!report) return;
    const now = readStats(report, Date.now(), connection.screenMid);
    if (this.last.at && now.at > this.last.at) {
      this.#change = between(this.last, now);
      this.quality = judge({ ...this.#change, videoExpected });
    }
    this.last = now;
    this.#reported ??= now;
  }

  /** The connection was replaced: its totals begin again. */
  restart() {
    this.last = { ...this.last, at: 0 };
    this.#change = this.#reported = null;
  }

  /** The `stats` of a quality report over the time since the last one, or null when there is nothing new. */
  report() {
    if (!this.#reported || this.last.at <= this.#reported.at) return null;
    const change = between(this.#reported, this.last);
    this.#reported = this.last;
    return reportStats(change, this.last, this.quality.level);
  }

  /** The numbers panel as pairs of a name and a value. */
  rows({ theirPicture, theirScreen, myPicture }) {
    const change = this.#change;
    if (!change) return [['Measuring', '…']];
    const rows = [
      ['Round trip', change.rttMs == null ? '–' : `${Math.round(change.rttMs)} ms`],
      ['Lost packets', `${change.lossPercent.toFixed(1)} %`],
      ['Jitter', `${Math.round(change.jitterMs)} ms`],
      ['Receiving', `${Math.round(change.receivedKbps)} kbit/s`],
      ['Sending', `${Math.round(change.sentKbps)} kbit/s`],
    ];
    const { width, height, path, codec, sentCodec, screenWidth, screenHeight } = this.last;
    const of = (name) => (name ? ` · ${name}` : '');
    if (width && theirPicture) rows.push(['Their picture', `${width}×${height} · ${Math.round(change.fps)} fps${of(codec)}`]);
    if (screenWidth && theirScreen) rows.push(['Their screen', `${screenWidth}×${screenHeight}`]);
    if (myPicture) rows.push(['My picture', `${Math.round(change.sentFps)} fps${of(sentCodec)}`]);
    rows.push(['Path', path === 'relay' ? 'through a relay' : 'direct']);
    return rows;
  }
}
