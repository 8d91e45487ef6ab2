// A web server with a key set, for tests: node jwks_server.mjs DIRECTORY [CERTIFICATE KEY]
// Answers with DIRECTORY/jwks.json in the manner that DIRECTORY/mode says, notes each request in
// DIRECTORY/requests, and writes its port to DIRECTORY/port (that file's port, if there is one).
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const [directory, certificate, key] = process.argv.slice(2);
const file = (name) => `${directory}/${name}`;

function answer(request, response) {
  appendFileSync(file('requests'), `${request.method} ${request.url}\n`);
  const json = { 'Content-Type': 'application/json' };
  switch (readFileSync(file('mode'), 'utf8').trim()) {
    case 'good':
      return response.writeHead(200, json).end(readFileSync(file('jwks.json')));
    case 'slow': // the key set comes a byte a second
      response.writeHead(200, json);
      return setInterval(() => response.write('{'), 1000).unref();
    case 'silent':
      return undefined;
    case 'garbage':
      return request.socket.end('SSH-2.0-OpenSSH_9.2\r\n\r\n');
    case 'html':
      return response.writeHead(200).end('<html>come back later</html>');
    case 'huge':
      return response.writeHead(200, json).end(' '.repeat(2_000_000));
    case 'error':
      return response.writeHead(500).end('{}');
    case 'redirect':
      return response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end();
    default: // broken off
      return request.socket.destroy();
  }
}

const server = certificate
  ? https.createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, answer)
  : http.createServer(answer);
const port = existsSync(file('port')) ? Number(readFileSync(file('port'), 'utf8')) : 0;
server.listen(port, '127.0.0.1', () => {
  writeFileSync(file('port.new'), `${server.address().port}`);
  renameSync(file('port.new'), file('port'));
  writeFileSync(file('listening'), '');
});
