// Many MQTT clients that connect, at a rate, and go when they are answered:
//   node connects.js PORT RATE COUNT
// Prints how it went: {"codes":{"0":4000},"unanswered":0,"slowest_ms":120,"took_ms":2050}
'use strict';
const net = require('net');
const [port, rate, count] = process.argv.slice(2).map(Number);
const text = (s) => Buffer.concat([Buffer.from([s.length >> 8, s.length & 255]), Buffer.from(s)]);
const connect = (id) => {
  const body = Buffer.concat([text('MQTT'), Buffer.from([4, 0xc2, 0, 60]), text(id), text('ann'),
                              text('secret')]);
  return Buffer.concat([Buffer.from([0x10, body.length]), body]);
};
const result = { codes: {}, unanswered: 0, slowest_ms: 0, took_ms: 0 };
const began = Date.now();
let started = 0;
let ended = 0;

function one(n) {
  const since = Date.now();
  const socket = net.connect(port, '127.0.0.1', () => socket.write(connect('c' + n)));
  let answered = false;
  socket.on('data', (bytes) => {
    if (answered) return;
    answered = true;
    result.codes[bytes[3]] = (result.codes[bytes[3]] || 0) + 1;
    result.slowest_ms = Math.max(result.slowest_ms, Date.now() - since);
    socket.end();
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    if (!answered) result.unanswered++;
    if (++ended < count) return;
    result.took_ms = Date.now() - began;
    console.log(JSON.stringify(result));
  });
}
const timer = setInterval(() => {
  const due = Math.min(count, Math.floor((Date.now() - began) * rate / 1000));
  while (started < due) one(started++);
  if (started >= count) clearInterval(timer);
}, 5);
