// A service of the tour in Node, with reflection: argument 1 is the folder of the .proto files. Prints its port.
import { createRequire } from "node:module";
import path from "node:path";
const require = createRequire(process.env.NODE_PATH ? path.join(process.env.NODE_PATH, "x") : import.meta.url);
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
const definition = loader.loadSync("sample.proto", { includeDirs: [process.argv[2]], ...options });
const tour = grpc.loadPackageDefinition(definition).sample.v1.Tour;

function fail(call, done) {
  const metadata = new grpc.Metadata();
  metadata.add("trace-bin", Buffer.from([0, 1, 2, 255]));
  metadata.add("trace", "first");
  metadata.add("trace", "second");
  done({ code: call.request.code || 3, details: call.request.message || "✗ 100 %", metadata });
}

const server = new grpc.Server();
server.addService(tour.service, {
  Echo: (call, done) => done(null, call.request),
  Count: (call) => {
    for (let value = 1; value <= call.request.to; value++) call.write({ value });
    call.end();
  },
  Sum: (call, done) => {
    let value = 0, count = 0;
    call.on("data", (number) => { value += Number(number.value); count += 1; });
    call.on("end", () => done(null, { value, count }));
  },
  Chat: (call) => {
    call.on("data", (line) => call.write({ text: `You said: ${line.text}` }));
    call.on("end", () => call.end());
  },
  Sleep: () => {},
  Fail: fail,
});
try {
  const { ReflectionService } = require("@grpc/reflection");
  new ReflectionService(definition).addToServer(server);
} catch (error) {
  console.error(`no reflection: ${error.message}`);
}
server.bindAsync("localhost:0", grpc.ServerCredentials.createInsecure(), (error, port) => console.log(port));
