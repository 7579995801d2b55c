// Which video codecs a connection names first. Pure: a list of RTCRtpCodec in, the list in another order out.

/** What `?codec=` may say. */
export const CODECS = ['vp8', 'h264'];

/**
 * The codecs with those of `name` in front; null when it names none that is there. Of H.264 the form that every phone
 * takes comes first: constrained baseline (RFC 6184 §8.1, profile-level-id 42e0…), packetization-mode 1.
 */
export function preferred(codecs, name) {
  const mime = `video/${name}`.toLowerCase();
  const rank = ({ mimeType, sdpFmtpLine = '' }) => {
    if (mimeType.toLowerCase() !== mime) return 3;
    if (mime !== 'video/h264') return 0;
    if (!/packetization-mode=1/.test(sdpFmtpLine)) return 2;
    return /profile-level-id=42e0/i.test(sdpFmtpLine) ? 0 : 1;
  };
  if (!codecs.some((codec) => rank(codec) < 3)) return null;
  return codecs.map((codec, place) => ({ codec, place, rank: rank(codec) }))
    .sort((a, b) => a.rank - b.rank || a.place - b.place).map(({ codec }) => codec);
}

/** Has a video transceiver name `name` first, where the browser lets a page choose and knows the codec. */
export function prefer(transceiver, name) {
  const known = globalThis.RTCRtpReceiver?.getCapabilities?.('video')?.codecs;
  const order = name && known && preferred(known, name);
  if (order) transceiver.setCodecPreferences?.(order);
}

/**
 * Has the answerer send what its answer names first: a browser would send what the offer named first. `line` has been
 * negotiated; a browser that cannot be told so (W3C webrtc-extensions, `codec` of an encoding) sends as it likes.
 */
export async function sendPreferred({ sender }, name) {
  const parameters = sender.getParameters();
  const codec = name && preferred(parameters.codecs ?? [], name)?.[0];
  if (!codec || !parameters.encodings?.length) return;
  for (const encoding of parameters.encodings) encoding.codec = codec;
  await sender.setParameters(parameters).catch(() => {});
}
