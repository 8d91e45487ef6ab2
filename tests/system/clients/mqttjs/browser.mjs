// A page in headless Chromium with MQTT.js: browser.mjs URL
// The page publishes `page/said`, receives it, and then tells of what comes at `page/hears` until its WebSocket is
// closed. Each step is a line of output. Exits with 0 when the close came with code 1001.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const url = process.argv[2];
const patience = 120000;
const library = readFileSync(new URL('node_modules/mqtt/dist/mqtt.min.js', import.meta.url));
const page = `<!doctype html><script src="/mqtt.js"></script><script>
const say = (text) => fetch('/say', { method: 'POST', body: text });
window.onerror = (text) => say('error ' + text);
const client = mqtt.connect(${JSON.stringify(url)}, {
  clientId: 'page', protocolVersion: 5, reconnectPeriod: 0,
  createWebsocket: (to, protocols) => {
    const socket = new WebSocket(to, protocols);
    socket.addEventListener('close', (event) => say('closed ' + event.code));
    return socket;
  },
});
client.on('error', (error) => say('error ' + error.message));
client.on('connect', async () => {
  await client.subscribeAsync(['page/said', 'page/hears'], { qos: 1 });
  await client.publishAsync('page/said', 'hello from a page', { qos: 2 });
});
client.on('message', (topic, payload) => say('received ' + (topic === 'page/said' ? 'its own' : payload)));
</script>`;

const profile = mkdtempSync(join(tmpdir(), 'keel-chromium-'));
let browser;
let finishing = false;

function finish(code, why) {
  if (finishing) return;
  finishing = true;
  process.stdout.write(`${why}\n`);
  browser.on('exit', () => {
    rmSync(profile, { recursive: true, force: true, maxRetries: 20 });
    process.exit(code);
  });
  // The whole group: a child that outlives the browser for a moment would still write into its profile.
  process.kill(-browser.pid, 'SIGKILL');
}

const server = createServer((request, response) => {
  if (request.method === 'POST') {
    let text = '';
    request.on('data', (part) => { text += part; });
    request.on('end', () => {
      response.end();
      if (text.startsWith('closed')) finish(text === 'closed 1001' ? 0 : 1, text);
      else if (text.startsWith('error')) finish(1, text);
      else process.stdout.write(`${text}\n`);
    });
  } else if (request.url === '/mqtt.js') {
    response.setHeader('Content-Type', 'text/javascript').end(library);
  } else {
    response.setHeader('Content-Type', 'text/html').end(page);
  }
});

server.listen(0, '127.0.0.1', () => {
  browser = spawn('chromium', ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage',
    `--user-data-dir=${profile}`, `http://127.0.0.1:${server.address().port}/`],
    { stdio: 'ignore', detached: true });
  browser.on('error', (error) => {
    process.stdout.write(`error ${error.message}\n`);
    process.exit(1);
  });
  setTimeout(() => finish(1, 'error: it takes too long'), patience);
});
