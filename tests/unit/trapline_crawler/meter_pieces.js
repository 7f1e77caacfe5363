// Feeds the tab meter one stream of messages, cut into three pieces at every pair of places, and prints each pair at
// which the driver got anything but the messages that it gets when they come one by one.
"use strict";

const { EventEmitter } = require("node:events");
const childProcess = require("node:child_process");

let reader;
childProcess.spawn = () => {
  reader = new EventEmitter();
  return { stdio: [null, null, null, { write: () => true }, reader] };
};
require(process.argv[2]);

const passed = (pieces) => {
  childProcess.spawn("browser", ["--trapline-browser=1"]);
  const got = [];
  reader.on("data", (data) => got.push(Buffer.from(data)));
  for (const piece of pieces) reader.emit("data", piece);
  return Buffer.concat(got).toString();
};

const page = { sessionId: "A", targetInfo: { type: "page", targetId: "T", browserContextId: "C" } };
// What the meter drops: answers to itself, and printed lines. Two of its answers are nearly as long as the one before.
const messages = [
  { method: "Target.attachedToTarget", params: page },
  { id: 123, result: {}, sessionId: "A" },
  { id: -1, result: {}, sessionId: "A" },
  { method: "Log.entryAdded", params: {}, sessionId: "A" },
  { id: 45, result: {}, sessionId: "A" },
  { id: -2, result: {}, sessionId: "A" },
  { method: "Page.loadEventFired", params: {}, sessionId: "A" },
].map((message) => Buffer.from(`${JSON.stringify(message)}\0`));
const stream = Buffer.concat(messages);
const expected = passed(messages);
const wrong = [];
for (let first = 0; first <= stream.length; first += 1) {
  for (let second = first; second <= stream.length; second += 1) {
    const pieces = [stream.subarray(0, first), stream.subarray(first, second), stream.subarray(second)];
    const got = passed(pieces.filter((piece) => piece.length).map((piece) => Buffer.from(piece)));
    if (got !== expected) wrong.push([first, second]);
  }
}
console.log(JSON.stringify({ expected: expected.split("\0").slice(0, -1), pairs: stream.length, wrong }));
