// A real Socket.IO server for node_server.rs. What it does is chosen by the client's token and by
// the events that it sends. It says on stdout, a JSON line each, what it sees; it ends with stdin.
const { createRequire } = require("node:module");
const path = require("node:path");
const { Server } = createRequire(path.join(process.env.RINGWIRE_NODE_MODULES, "/"))("socket.io");

const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const { CERTIFICATE, KEY, PORT = "0", PING_INTERVAL = "25000", PING_TIMEOUT = "20000" } = process.env;

const http = CERTIFICATE
  ? require("node:https").createServer({ cert: CERTIFICATE, key: KEY })
  : require("node:http").createServer();
const io = new Server(http, {
  pingInterval: Number(PING_INTERVAL),
  pingTimeout: Number(PING_TIMEOUT),
});

io.use((socket, next) => {
  const { authToken, tokenType } = socket.handshake.auth;
  say({ connect: authToken, tokenType });
  if (!authToken.startsWith("bad")) return next();
  const error = new Error("jwt malformed");
  error.data = { code: "NOT_AUTHENTICATED" };
  next(error);
});

io.on("connection", (socket) => {
  const token = socket.handshake.auth.authToken;
  if (!token.startsWith("e30.")) {
    socket.emit("authenticated", {
      success: true,
      user: { id: token, isAnonymous: false },
      version: "node",
      capabilities: ["ringing"],
    });
  }
  socket.conn.on("packet", (packet) => {
    if (packet.type === "pong") say({ pong: true });
  });
  socket.conn.transport.socket.on("ping", () => say({ probe: true }));
  socket.on("disconnect", (reason) => say({ disconnect: reason }));

  socket.on("call:heartbeat", (payload, ack) => ack({ status: "active", version: 7 }));
  socket.on("call:check-active", (...args) => {
    say({ checkActiveArgs: args.length });
    args.at(-1)({ calls: [] });
  });
  socket.on("call:join", (payload, ack) =>
    ack({ success: false, error: { code: "CALL_ENDED", message: "over", callId: payload.callId } }),
  );
  // `call:end` is never acked.
  socket.on("call:end", () => say({ end: true }));
  socket.on("call:leave", () => socket.disconnect(true));
  socket.on("call:force-leave", () => {
    socket.emit("auth:token-expired", { code: "TOKEN_EXPIRED", message: "jwt expired" });
    socket.disconnect(true);
  });
  socket.on("call:transcription-segment", ({ callId, segment }) => {
    say({ text: segment.text.length });
    const filler = "é".repeat(segment.endMs);
    socket.emit("call:translated-segment", { callId, segment: { ...segment, text: "short" }, translation: { filler } });
  });
  socket.on("call:toggle-audio", async ({ callId }) => {
    socket.emit("presence:changed", { of: "another day" });
    socket.emit("call:error", { code: "RATE_LIMIT_EXCEEDED", message: "plus lentement ☎", retryAfter: 2 });
    socket.emit("call:media-toggled", { callId, participantId: "p", mediaType: "audio", enabled: false }, "more", 1);
    socket.emit("call:ended", { callId, duration: 3, picture: Buffer.from([1, 2, 3]) });
    socket.emit("call:ended", { duration: 3 });
    const answer = await socket.emitWithAck("call:ended", { callId, duration: 3, reason: "completed" });
    say({ answer: answer === undefined });
  });
});

http.listen(Number(PORT), "127.0.0.1", () => say({ port: http.address().port }));
process.stdin.on("end", () => process.exit(0)).resume();
