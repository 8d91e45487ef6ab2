// A web server for the tests, on a port of its own, which it prints: "listening 40123". Decides by
// user name, or by topic; some users make it misbehave. Each request is printed as one line of JSON.
//   node server.js [--port N] [--cert FILE --key FILE [--ca FILE]] [--idle MS] [--delay MS] [--closed yes]
'use strict';
const fs = require('fs');
const option = (name) => {
  const at = process.argv.indexOf('--' + name);
  return at < 0 ? undefined : process.argv[at + 1];
};

const raw = (res, text, end) => {
  res.socket.write(text);
  if (end) res.socket.destroySoon();
};
const misbehave = {
  error: (res) => { res.statusCode = 500; res.end('broken'); },
  moved: (res) => { res.statusCode = 302; res.setHeader('Location', '/elsewhere'); res.end(); },
  empty: (res) => { res.statusCode = 204; res.end(); },
  slow: () => {},
  garbage: (res) => raw(res, 'SSH-2.0-OpenSSH_9.2\r\n\r\n', true),
  half: (res) => raw(res, 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf', true),
  vanish: (res) => res.socket.destroy(),
  headers: (res) => {
    raw(res, 'HTTP/1.1 200 OK\r\n');
    const more = setInterval(() => res.socket.write('X-Filler: ' + 'x'.repeat(1000) + '\r\n'), 1);
    res.socket.on('close', () => clearInterval(more));
  },
  huge: (res) => {
    res.writeHead(200);
    const more = setInterval(() => res.write('x'.repeat(65536)), 1);
    res.on('close', () => clearInterval(more));
  },
  trailing: (res) => raw(res, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'),
};
const good = {
  chunked: (res) => { res.write('i'); res.write('gno'); res.end('red'); },
  continued: (res) => { res.writeContinue(); res.writeProcessing(); res.end(); },
  closing: (res) => { res.setHeader('Connection', 'close'); res.end(); },
  ignore: (res) => res.end(' ignore\n'),
};

function decide(path, params, res) {
  const answer = (status) => { res.statusCode = status; res.end(); };
  if (path === '/mqtt/superuser') return answer(params.username === 'root' ? 200 : 403);
  if (path === '/mqtt/acl') {
    if (params.topic.startsWith('ignored/')) return res.end('ignore');
    if (option('closed')) return answer(403);
    if (params.topic.startsWith('error/')) return answer(503);
    return answer(params.topic.startsWith('open/') ? 200 : 403);
  }
  const special = misbehave[params.username] || good[params.username];
  if (special) return special(res);
  if (params.username === 'forbidden') return answer(403);
  return answer(params.password === 'secret' ? 200 : 401);
}

function parameters(req, url, body) {
  if (req.method === 'GET') return Object.fromEntries(url.searchParams);
  if ((req.headers['content-type'] || '').startsWith('application/json')) return JSON.parse(body);
  return Object.fromEntries(new URLSearchParams(body));
}

function handle(req, res) {
  let body = '';
  req.on('data', (bytes) => { body += bytes; });
  req.on('end', () => {
    const url = new URL(req.url, 'http://here');
    const params = parameters(req, url, body);
    console.log(JSON.stringify({
      method: req.method, path: url.pathname, params, port: req.socket.remotePort,
      headers: req.headers,
    }));
    setTimeout(() => decide(url.pathname, params, res), Number(option('delay') || 0));
  });
}

const tls = option('cert') && {
  cert: fs.readFileSync(option('cert')), key: fs.readFileSync(option('key')),
  ...(option('ca') && { ca: fs.readFileSync(option('ca')), requestCert: true,
                        rejectUnauthorized: true }),
};
const server = tls ? require('https').createServer(tls, handle)
                   : require('http').createServer(handle);
server.keepAliveTimeout = Number(option('idle') || 60000);
server.listen(Number(option('port') || 0), '127.0.0.1', 4096,
              () => console.log('listening ' + server.address().port));
