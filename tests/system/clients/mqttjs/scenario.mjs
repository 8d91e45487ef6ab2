// MQTT.js against the broker: scenario.mjs PORT PROTOCOL [CAFILE]
// In place of the port a whole URL may stand, as of a WebSocket. PROTOCOL is 3 (MQTT 3.1), 4 (3.1.1) or 5. Exits with 1 and a reason when something is not as it should be.
import { readFileSync } from 'node:fs';
import mqtt from 'mqtt';

const [port, protocol, cafile] = process.argv.slice(2);
const version = Number(protocol);
const patience = 15000;

function within(promise, what) {
  const timer = new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`never came: ${what}`)), patience).unref();
  });
  return Promise.race([promise, timer]);
}

function check(condition, what) {
  if (!condition) throw new Error(`not as it should be: ${what}`);
}

class Peer {
  constructor(id, { clean = true, will } = {}) {
    this.messages = [];
    this.waiting = [];
    const options = {
      clientId: `js-${id}`,
      protocolVersion: version,
      protocolId: version === 3 ? 'MQIsdp' : 'MQTT',
      clean,
      will,
      reconnectPeriod: 0,
      connectTimeout: patience,
    };
    if (version === 5 && !clean) options.properties = { sessionExpiryInterval: 100 };
    if (cafile) options.ca = readFileSync(cafile);
    const url = port.includes('://') ? port : `${cafile ? 'mqtts' : 'mqtt'}://127.0.0.1:${port}`;
    this.client = mqtt.connect(url, options);
    this.client.on('message', (topic, payload, packet) => {
      const message = { topic, payload: payload.toString(), qos: packet.qos, retain: packet.retain };
      const next = this.waiting.shift();
      if (next) next(message);
      else this.messages.push(message);
    });
  }

  connected() {
    return within(
      new Promise((resolve, reject) => {
        this.client.once('connect', resolve);
        this.client.once('error', reject);
      }),
      'CONNACK',
    );
  }

  next(what) {
    if (this.messages.length > 0) return Promise.resolve(this.messages.shift());
    return within(new Promise((resolve) => this.waiting.push(resolve)), what);
  }

  async take(topic, payload, qos, retain = false) {
    const message = await this.next(`${topic} ${payload}`);
    const wanted = { topic, payload, qos, retain };
    check(JSON.stringify(message) === JSON.stringify(wanted),
      `wanted ${JSON.stringify(wanted)}, got ${JSON.stringify(message)}`);
  }

  subscribe(topic, qos) {
    return within(this.client.subscribeAsync(topic, { qos }), `SUBACK ${topic}`);
  }
  publish(topic, payload, qos, retain = false) {
    return within(this.client.publishAsync(topic, payload, { qos, retain }), `PUBLISH ${topic}`);
  }
  end() {
    return within(this.client.endAsync(), 'the end');
  }
}

async function open(id, options) {
  const peer = new Peer(id, options);
  peer.connack = await peer.connected();
  return peer;
}

async function exchange() {
  const peer = await open('exchange');
  await peer.subscribe('js/t/+', 2);
  for (const qos of [0, 1, 2]) {
    await peer.publish('js/t/x', `qos ${qos}`, qos);
    await peer.take('js/t/x', `qos ${qos}`, qos);
  }
  await peer.end();
}

async function retained() {
  const peer = await open('retained');
  await peer.publish('js/kept', 'kept', 1, true);
  await peer.subscribe('js/kept', 1);
  await peer.take('js/kept', 'kept', 1, true);
  await peer.publish('js/kept', '', 1, true);
  await peer.end();
}

async function will() {
  const watcher = await open('watcher');
  await watcher.subscribe('js/will', 1);
  const victim = await open('victim', { will: { topic: 'js/will', payload: Buffer.from('gone'), qos: 1, retain: false } });
  victim.client.stream.destroy();
  await watcher.take('js/will', 'gone', 1);
  await watcher.end();
}

async function session() {
  const first = await open('absent', { clean: false });
  await first.subscribe('js/queue', 1);
  await first.end();
  const publisher = await open('publisher');
  for (const number of [1, 2, 3]) await publisher.publish('js/queue', `${number}`, 1);
  await publisher.end();
  const second = await open('absent', { clean: false });
  if (version !== 3) check(second.connack.sessionPresent, 'session present');
  for (const number of [1, 2, 3]) await second.take('js/queue', `${number}`, 1);
  await second.end();
}

try {
  for (const step of [exchange, retained, will, session]) {
    process.stderr.write(`${step.name}\n`);
    await step();
  }
} catch (error) {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
}
process.exit(0);
