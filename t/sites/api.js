// api.js: a JSON API on Node's plain http module: items, a body in chunks, server-sent events.
//   node api.js PORT
// It knows nothing of the /api under which the proxy shows it. api.pl is the same in Perl.
'use strict';
const http = require('http');

const items = new Map([[1, { id: 1, name: 'shovel' }], [2, { id: 2, name: 'hoe' }]]);
let last = 2;

const json = (res, status, value, headers = {}) => {
    const body = JSON.stringify(value);
    res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body),
        ...headers });
    res.end(body);
};

const read = (req, then) => {
    const parts = [];
    req.on('data', part => parts.push(part));
    req.on('end', () => then(Buffer.concat(parts)));
};

const create = (req, res) => read(req, body => {
    let item;
    try {
        item = JSON.parse(body);
    } catch {
        return json(res, 400, { error: 'not JSON' });
    }
    item.id = ++last;
    items.set(item.id, item);
    return json(res, 201, item, { Location: `http://${req.headers.host}/items/${item.id}` });
});

// Five pieces of ten bytes, 60 ms apart, without a length: chunked.
const stream = res => {
    let n = 0;
    res.writeHead(200, { 'Content-Type': 'text/plain' });
    const timer = setInterval(() => {
        res.write(`piece ${++n}  \n`);
        if (n === 5) {
            clearInterval(timer);
            res.end();
        }
    }, 60);
};

const events = (req, res) => {
    let n = 0;
    res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' });
    const timer = setInterval(() => res.write(`id: ${++n}\ndata: tick ${n}\n\n`), 60);
    req.on('close', () => clearInterval(timer));
};

http.createServer((req, res) => {
    const path = req.url.replace(/\?.*/s, '');
    const one = /^\/items\/(\d+)$/.exec(path);
    if (path === '/items' && req.method === 'GET') return json(res, 200, [...items.values()]);
    if (path === '/items' && req.method === 'POST') return create(req, res);
    if (one && req.method === 'GET' && items.has(+one[1])) return json(res, 200, items.get(+one[1]));
    if (one && req.method === 'DELETE' && items.delete(+one[1])) {
        res.writeHead(204);
        return res.end();
    }
    if (path === '/echo') {
        return read(req, body => json(res, 200, { method: req.method, url: req.url, headers: req.headers,
            length: body.length }));
    }
    if (path === '/stream') return stream(res);
    if (path === '/events') return events(req, res);
    return json(res, 404, { error: 'no such thing' });
}).listen(+process.argv[2], '127.0.0.1');
