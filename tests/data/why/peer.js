// A peer that fails in the way its first argument says; listens on the port of the second. Prints a line when it does.
"use strict";
const fs = require("fs");
const http = require("http");
const http2 = require("http2");
const net = require("net");

const [way, port, folder] = process.argv.slice(2);
const codes = http2.constants;
const LITTLE = { initialWindowSize: 1024 };

/** An HTTP/2 server that does this with every request. */
function answering(answer, settings = {}) {
  const server = http2.createServer({ settings });
  server.on("stream", (stream, headers) => {
    stream.on("error", () => {});
    answer(stream, headers);
  });
  return server;
}

const resetting = (code) => answering((stream) => stream.close(code));
const speaking = (status, type, text) =>
  answering((stream) => {
    stream.respond({ ":status": status, "content-type": type, server: "proxy" });
    stream.end(text);
  });

/** Refuses every stream but the first, in words. */
function refusing() {
  return answering((stream) => {
    if (stream.id === 1) {
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.end(Buffer.from([0, 0, 0, 0, 0]));
      return;
    }
    stream.session.goaway(codes.NGHTTP2_NO_ERROR, 1, Buffer.from("going down for maintenance"));
  });
}

/** Announces that it goes, and goes. */
function leaving() {
  return answering((stream) => {
    const { session } = stream;
    session.goaway(codes.NGHTTP2_NO_ERROR, stream.id, Buffer.from("restarting"));
    setTimeout(() => session.destroy(), 50);
  });
}

const page = "<html><body><h1>502 Bad Gateway</h1>nginx</body></html>";
const ways = {
  refused_stream: () => resetting(codes.NGHTTP2_REFUSED_STREAM),
  enhance_your_calm: () => resetting(codes.NGHTTP2_ENHANCE_YOUR_CALM),
  internal_error: () => resetting(codes.NGHTTP2_INTERNAL_ERROR),
  goaway: refusing,
  leaving,
  bad_gateway: () => speaking(502, "text/html", page),
  not_found: () => speaking(404, "text/plain", "404 page not found\n"),
  web_page: () => speaking(200, "text/html", "<html><body>Please log in</body></html>"),
  deaf: () => answering((stream) => stream.pause(), LITTLE),
  silent: () => answering(() => {}),
  http1: () => http.createServer((request, response) => response.end("hello\n")),
  tls: () =>
    http2.createSecureServer({ key: fs.readFileSync(`${folder}/key.pem`), cert: fs.readFileSync(`${folder}/cert.pem`) }),
  reset: () =>
    net.createServer((socket) => {
      socket.on("error", () => {});
      socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
      socket.on("data", (data) => data.includes("greet") && socket.resetAndDestroy());
    }),
};

ways[way]().listen(Number(port), "127.0.0.1", () => console.log("listens"));
