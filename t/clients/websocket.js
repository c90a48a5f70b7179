// websocket.js: the same conversations over WebSocket by several ways, by the npm package `ws` at both ends: HTTP/1 as it
// does that itself, HTTP/2 (RFC 8441) as streams of Node's http2 that it is given for sockets.
//   node websocket.js DIRECTORY-OF-WS SERVER-PORT WAY=URL...
// One line for each way and conversation: WAY CONVERSATION {"client": [...], "server": [...]}, what each end has seen.
'use strict';
const [where, port, ...urls] = process.argv.slice(2);
const http = require('http');
const http2 = require('http2');
const crypto = require('crypto');
const WebSocket = require(where);
const PerMessageDeflate = require(where + '/lib/permessage-deflate');
const extension = require(where + '/lib/extension');
process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
process.removeAllListeners('warning');
process.on('warning', () => {});

const LIMIT = 150000; // milliseconds for one conversation
const hash = data => crypto.createHash('sha256').update(data).digest('hex').slice(0, 12);
const brief = (data, binary) => (binary ? 'binary ' : 'text ') +
    (data.length > 40 ? `${data.length} ${hash(data)}` : data.toString());

// What an end sees, in order; `seen` ends with its close.
const watch = (ws, seen) => new Promise(over => {
    ws.on('message', (data, binary) => seen.push(brief(data, binary)));
    ws.on('ping', data => seen.push(`ping ${data}`));
    ws.on('pong', data => seen.push(`pong ${data}`));
    ws.on('error', e => seen.push(`error ${e.code || e.message}`));
    ws.on('close', (code, reason) => { seen.push(`close ${code} ${reason}`); over(); });
});
const next = (ws, event) => new Promise(yes => ws.once(event, yes));
const count = (ws, n, event = 'message') => new Promise(yes => ws.on(event, () => { if (--n === 0) yes(); }));
const frame = (first, payload, mask) => {
    const head = Buffer.from([first, (mask ? 0x80 : 0) | payload.length]);
    return Buffer.concat([head, Buffer.alloc(mask ? 4 : 0), Buffer.from(payload)]);
};
const fragments = ws => ['one ', 'two ', '', 'three ', 'four'].forEach((part, i) => {
    ws.send(part, { fin: i === 4, binary: false, compress: false });
    ws.ping(`between ${i}`);
});
const text16 = 'caf\u00e9 '.repeat(16 * 1024 * 1024 / 6);
const bytes16 = crypto.createHash('shake256', { outputLength: 16 * 1024 * 1024 }).update('bytes').digest();

// ---- conversations: what the client and the server do; {options} of the server, {offer} of the client

const talks = {
    'text': { client: ws => ws.send('hello'), server: async ws => { await next(ws, 'message'); ws.close(1000, 'bye'); } },
    'at once': {
        client: async ws => { await next(ws, 'message'); ws.close(1000); },
        server: ws => { ws.send('before you ask'); },
    },
    'fragments of the client': {
        client: fragments,
        server: async ws => { await count(ws, 5, 'ping'); ws.close(1000); },
    },
    'fragments of the server': {
        client: async ws => { await count(ws, 5, 'ping'); ws.close(1000); },
        server: fragments,
    },
    'ping of the client': {
        client: async ws => {
            for (const what of ['', 'x', 'p'.repeat(125)]) { ws.ping(what); await next(ws, 'pong'); }
            ws.close(1000);
        },
    },
    'ping of the server': {
        server: async ws => {
            for (const what of ['', 'x', 'p'.repeat(125)]) { ws.ping(what); await next(ws, 'pong'); }
            ws.close(1000);
        },
    },
    'pong that nobody asked for': { client: ws => { ws.pong('here'); ws.close(1000); } },
    'cut off by the client': { client: async ws => { ws.send('x'); await next(ws, 'message'); ws.terminate(); }, server: 'echo' },
    'cut off by the server': { client: ws => ws.send('x'), server: async ws => { await next(ws, 'message'); ws.terminate(); } },
    'closed without a code by the client': { client: ws => ws.close() },
    'closed without a code by the server': { server: ws => ws.close() },
    'no close but the end': { client: async ws => { ws.send('x'); await next(ws, 'message'); ws._socket.end(); }, server: 'echo' },
    '16 MB of text': { client: async ws => { ws.send(text16); await next(ws, 'message'); ws.close(1000); }, server: 'echo' },
    '16 MB of bytes': { client: async ws => { ws.send(bytes16); await next(ws, 'message'); ws.close(1000); }, server: 'echo' },
    'much from each at once': {
        client: async ws => { ws.send(bytes16.subarray(0, 3000000)); await next(ws, 'message'); ws.send('done'); },
        server: async ws => { ws.send(bytes16.subarray(1, 4000000)); await count(ws, 2); ws.close(1000); },
    },
    'many small ones': {
        client: ws => { for (let i = 0; i < 2000; i++) ws.send(`c${i}`); count(ws, 2000).then(() => ws.send('done')); },
        server: ws => { for (let i = 0; i < 2000; i++) ws.send(`s${i}`); count(ws, 2001).then(() => ws.close(1000)); },
    },
    'one after the other': {
        client: async ws => { for (let i = 0; i < 200; i++) { ws.send(`${i}`); await next(ws, 'message'); } ws.close(1000); },
        server: 'echo',
    },
    'closed while much is sent': {
        closes: true, // how much of it came is not always the same
        client: ws => { for (let i = 0; i < 200; i++) ws.send(bytes16.subarray(0, 65536)); },
        server: async ws => { await next(ws, 'message'); ws.close(1001, 'enough'); },
    },
    'an opcode that is none': { client: ws => ws._socket.write(frame(0x83, 'x', true)) },
    'no mask': { client: ws => ws._socket.write(frame(0x81, 'x', false)) },
    'no UTF-8': { client: ws => ws._socket.write(frame(0x81, [0xc3, 0x28], true)) },
    'a close code that is none': { client: ws => ws._socket.write(frame(0x88, [0x03, 0xed], true)) },
    'too large a message': { options: { maxPayload: 1000 }, client: ws => ws.send('x'.repeat(1001)) },
    'a mask from the server': { server: ws => ws._socket.write(frame(0x81, 'x', true)) },
    'subprotocols': { protocols: ['a.test', 'chat'], options: { handleProtocols: () => 'chat' }, client: ws => ws.close(1000) },
    'no subprotocol of them': { protocols: ['a.test'], options: { handleProtocols: () => false } },
    'refused': { refuse: 'HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nX-Why: mood\r\nConnection: close\r\n\r\nno\n' },
    'not found': { refuse: 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n' },
};
for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 3000, 4999]) {
    talks[`${code} by the client`] = { client: ws => ws.close(code, `because ${code}`) };
    talks[`${code} by the server`] = { server: ws => ws.close(code, `because ${code}`) };
}
for (const offer of [false, true]) {
    for (const takes of [false, true]) {
        talks[`deflate ${offer ? 'offered' : 'not offered'}, ${takes ? 'taken' : 'not taken'}`] = {
            offer, options: { perMessageDeflate: takes && { threshold: 0 } },
            client: async ws => { ws.send('deflate me '.repeat(50000)); await next(ws, 'message'); ws.close(1000); },
            server: 'echo',
        };
    }
}

// ---- the server

const names = Object.keys(talks);
const servers = names.map(name => new WebSocket.Server({ noServer: true, ...talks[name].options }));
const halves = {}; // way/number => yes of a promise of what the server has seen
const server = http.createServer((req, res) => res.writeHead(426).end());
server.on('upgrade', (req, socket, head) => {
    const key = req.url.slice(req.url.indexOf('?') + 1);
    const n = +key.split('/')[1];
    const talk = talks[names[n]];
    socket.on('error', () => {});
    if (talk.refuse) {
        socket.end(talk.refuse);
        halves[key](['refused']);
        return;
    }
    servers[n].handleUpgrade(req, socket, head, ws => {
        const seen = [`open "${ws.protocol}" "${ws.extensions}"`];
        watch(ws, seen).then(() => halves[key](seen));
        if (talk.server === 'echo') ws.on('message', (data, binary) => ws.send(data, { binary }));
        else if (talk.server) talk.server(ws);
    });
});

// ---- a client over a stream of HTTP/2

const h2open = (session, path, talk) => {
    const ws = new WebSocket(null, undefined, { autoPong: true, closeTimeout: 30000 });
    const deflate = talk.offer && new PerMessageDeflate({}, false);
    const fields = {
        ':method': 'CONNECT', ':protocol': 'websocket', ':path': path, 'sec-websocket-version': '13',
        ...(talk.protocols && { 'sec-websocket-protocol': talk.protocols.join(',') }),
        ...(deflate && { 'sec-websocket-extensions': extension.format({ 'permessage-deflate': deflate.offer() }) }),
    };
    const stream = session.request(fields);
    const fail = message => { ws.emit('error', new Error(message)); stream.destroy(); ws.emitClose(); };
    ws._isServer = false;
    stream.on('error', () => {});
    stream.setNoDelay = () => {};
    stream.on('response', head => {
        if (head[':status'] !== 200) {
            ws.emit('unexpected-response', null, Object.assign(stream, { statusCode: head[':status'], headers: head }));
            return;
        }
        const protocol = head['sec-websocket-protocol'];
        if (talk.protocols && !protocol) { fail('Server sent no subprotocol'); return; }
        if (protocol) ws._protocol = protocol;
        const agreed = head['sec-websocket-extensions'];
        if (agreed) {
            deflate.accept(extension.parse(agreed)['permessage-deflate']);
            ws._extensions['permessage-deflate'] = deflate;
        }
        ws.setSocket(stream, Buffer.alloc(0), { maxPayload: 100 * 1024 * 1024, skipUTF8Validation: false });
    });
    return ws;
};

const ways = urls.map(text => {
    const [name, ...url] = text.split('=');
    return { name, url: url.join('=') };
});
const connect = way => new Promise((yes, no) => {
    if (!way.url.startsWith('h2')) return yes();
    way.session = http2.connect(way.url.replace('h2:', 'https:'), { settings: { initialWindowSize: 1 << 20 } });
    way.session.on('error', no);
    way.session.on('remoteSettings', s => {
        way.session.setLocalWindowSize(1 << 24);
        s.enableConnectProtocol ? yes() : no(new Error('no extended CONNECT'));
    });
});

// ---- one conversation by one way: what both ends have seen

const converse = async (way, n) => {
    const talk = talks[names[n]];
    const key = `${way.name}/${n}`;
    const path = `/ws?${key}`;
    const half = new Promise(yes => { halves[key] = yes; });
    const seen = [];
    const ws = way.session ? h2open(way.session, path, talk)
        : new WebSocket(way.url + path, talk.protocols || [], { perMessageDeflate: !!talk.offer });
    const over = watch(ws, seen);
    const refused = new Promise(yes => ws.on('unexpected-response', (req, res) => {
        let body = '';
        res.on('data', d => { body += d; });
        res.on('end', () => { seen.push(`refused ${res.statusCode} ${res.headers['x-why']} ${body}`); yes(); });
    }));
    ws.on('open', () => {
        seen.push(`open "${ws.protocol}" "${ws.extensions}"`);
        if (talk.client) talk.client(ws);
    });
    let timer;
    const late = new Promise(yes => { timer = setTimeout(() => { seen.push('LATE'); yes([]); }, LIMIT); });
    const [, there] = await Promise.race([Promise.all([Promise.race([over, refused]), half]), late.then(() => [0, ['LATE']])]);
    clearTimeout(timer);
    const only = list => talk.closes ? list.filter(x => !/^(text|binary) /.test(x)) : list;
    const told = list => list.length > 20 ? [list[0], `${list.length - 2} ${hash(list.slice(1, -1).join())}`, list[list.length - 1]] : list;
    console.log(`${way.name}\t${names[n]}\t${JSON.stringify({ client: told(only(seen)), server: told(only(there)) })}`);
};

server.listen(+port, '127.0.0.1', async () => {
    try {
        await Promise.all(ways.map(connect));
        await Promise.all(ways.map(async way => { for (let n = 0; n < names.length; n++) await converse(way, n); }));
        console.log('end');
        process.exit(0);
    } catch (e) {
        console.log(`failed: ${e.stack}`);
        process.exit(1);
    }
});
