// A client of the day of the first design. It is two things in one: towards a gateway a Socket.IO client that knows the
// first design's events only (no acks, no device, no capabilities, no added field in either direction), towards a real
// client of today a server of that day, which lends it its ears and mouth. So a client with real media becomes an old one.
//
// environment: RINGWIRE_NODE_MODULES, where socket.io and socket.io-client lie; GATEWAY, the gateway's address.
// stdout: `{"port": …}`. Ends with its stdin.
const { createServer } = require("node:http");
const { createRequire } = require("node:module");
const path = require("node:path");
const load = createRequire(path.join(process.env.RINGWIRE_NODE_MODULES, "/"));
const { Server } = load("socket.io");
const { io: connect } = load("socket.io-client");

/** The fields of the first design, for each event of a client. */
const UP = {
  "call:initiate": ["conversationId", "type", "settings"],
  "call:join": ["callId", "settings"],
  "call:leave": ["callId"],
  "call:signal": ["callId", "signal"],
  "call:toggle-audio": ["callId", "enabled"],
  "call:toggle-video": ["callId", "enabled"],
  "call:force-leave": ["conversationId"],
};
/** The same for events of the gateway. */
const DOWN = {
  "call:initiated": ["callId", "conversationId", "mode", "type", "initiator", "participants"],
  "call:participant-joined": ["callId", "participant", "mode", "iceServers"],
  "call:participant-left": ["callId", "participantId", "userId", "anonymousId", "mode"],
  "call:ended": ["callId", "duration", "endedBy"],
  "call:media-toggled": ["callId", "participantId", "mediaType", "enabled"],
  "call:signal": ["callId", "signal"],
  "call:error": ["code", "message"],
};
/** The same for what lies inside. */
const INSIDE = {
  signal: ["type", "from", "to", "sdp", "candidate", "sdpMLineIndex", "sdpMid"],
  participant: ["id", "callSessionId", "userId", "anonymousId", "role", "joinedAt", "leftAt", "isAudioEnabled", "isVideoEnabled", "username", "displayName", "avatar"],
};

const kept = (value, fields) => Object.fromEntries(fields.filter((field) => value[field] !== undefined).map((field) => [field, value[field]]));

function old(payload, fields) {
  const result = kept(payload, fields);
  if (result.signal) result.signal = kept(result.signal, INSIDE.signal);
  if (result.participant) result.participant = kept(result.participant, INSIDE.participant);
  if (result.participants) result.participants = result.participants.map((one) => kept(one, INSIDE.participant));
  return result;
}

const http = createServer();
const io = new Server(http);

io.on("connection", (near) => {
  const { authToken, tokenType } = near.handshake.auth;
  const far = connect(process.env.GATEWAY, { auth: { authToken, tokenType }, transports: ["websocket"], forceNew: true, reconnection: false });
  far.on("authenticated", ({ success, user }) => near.emit("authenticated", { success, user }));
  for (const [event, fields] of Object.entries(DOWN)) far.on(event, (payload) => near.emit(event, old(payload, fields)));
  for (const [event, fields] of Object.entries(UP)) near.on(event, (payload) => far.emit(event, old(payload, fields)));
  far.on("connect_error", () => near.disconnect(true));
  far.on("disconnect", () => near.disconnect(true));
  near.on("disconnect", () => far.disconnect());
});

http.listen(0, "127.0.0.1", () => process.stdout.write(JSON.stringify({ port: http.address().port }) + "\n"));
process.stdin.on("end", () => process.exit(0)).resume();
