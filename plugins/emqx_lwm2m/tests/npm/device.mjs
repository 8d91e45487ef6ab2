// A device made of the npm package `coap`: device.mjs HOST PORT. Registers as "js", answers reads of
// /3/0 and below, writes and executions, and can be observed at /3/0/9, where the battery runs down.
// Says what happens, a line each; leaves when its input ends.
import { Agent, createServer, registerFormat, request, updateTiming } from 'coap';

const [host, port] = process.argv.slice(2);
const tlv = 'application/vnd.oma.lwm2m+tlv';
registerFormat(tlv, 11542);
updateTiming({ ackTimeout: 2, piggybackReplyMs: 20 });

const say = (text) => process.stdout.write(`${text}\n`);
let location;

// On one port, as a device behind a NAT must: questions to the server, and answers to its.
function ask(agent, method, path, query, payload) {
  return new Promise((resolve, reject) => {
    const out = request({ host, port, method, pathname: path, query, agent, retrySend: 4 });
    if (payload) out.setOption('Content-Format', 'application/link-format');
    out.on('response', (answer) => {
      const place = answer.options.filter(({ name }) => name === 'Location-Path');
      resolve({
        code: answer.code,
        place: place.map(({ value }) => value.toString()).join('/'),
        localPort: answer.outSocket.port,
      });
    });
    out.on('error', reject);
    out.end(payload);
  });
}

async function asking(local, ...what) {
  const agent = new Agent({ type: 'udp4', port: local });
  const answer = await ask(agent, ...what);
  agent.close();
  while (agent._sock) await new Promise(setImmediate); // then the port is free
  return answer;
}

function answer(incoming, outgoing) {
  say(`${incoming.method} ${incoming.url}`);
  const send = (code, format, payload) => {
    outgoing.code = code;
    if (format) outgoing.setOption('Content-Format', format);
    outgoing.end(payload);
  };
  if (incoming.method === 'GET' && incoming.headers.Accept === 'application/link-format') {
    return send('2.05', 'application/link-format', '</3/0>,</3/0/0>,</3/0/9>;pmin=1');
  }
  if (incoming.method === 'GET' && incoming.url === '/3/0/9' && incoming.headers.Observe === 0) {
    outgoing.setOption('Content-Format', 'text/plain');
    let charge = 100;
    const timer = setInterval(() => { outgoing.write(`${charge -= 1}`); }, 200);
    outgoing.on('finish', () => { clearInterval(timer); say('no longer observed'); });
    return outgoing.write(`${charge}`);
  }
  if (incoming.method === 'GET' && incoming.url === '/3/0/0') {
    return send('2.05', 'text/plain', 'x'.repeat(2000)); // in blocks
  }
  if (incoming.method === 'GET' && incoming.url === '/3/0/9') {
    return send('2.05', 'text/plain', '100');
  }
  if (incoming.method === 'GET' && incoming.url === '/3/0') {
    return send('2.05', tlv, Buffer.from('c10964', 'hex'));
  }
  if (incoming.method === 'PUT') {
    say(`payload ${incoming.payload.length} ${incoming.payload.toString('hex').slice(0, 40)}`);
    return send('2.04');
  }
  if (incoming.method === 'POST') {
    say(`arguments ${incoming.payload.toString()}`);
    return send('2.04');
  }
  return send('4.04');
}

const registered = await asking(0, 'POST', '/rd', 'ep=js&lt=600&lwm2m=1.0&b=U', '</1/0>,</3/0>');
if (registered.code !== '2.01') throw new Error(`not registered: ${registered.code}`);
location = `/${registered.place}`;
const server = createServer(answer);
server.listen(registered.localPort, () => say('registered'));

process.stdin.resume();
process.stdin.on('end', async () => {
  await new Promise((resolve) => { server.close(resolve); });
  const updated = await asking(registered.localPort, 'POST', location, 'lt=700');
  const left = await asking(registered.localPort, 'DELETE', location);
  say(`updated ${updated.code}, left ${left.code}`);
  process.exit(0);
});
