// grpc.js: the same gRPC calls by several ways: both ends on Node's http2 alone, or both the npm package @grpc/grpc-js.
//   node grpc.js DIRECTORY-OF-GRPC-JS|- SERVER-PORTS WAY=PORT...
// One line for each way and call: WAY CALL {"client": [...], "server": [...]}, what each end has seen. Messages are bytes.
// Without a way it serves until it is ended.
'use strict';
const [where, ports, ...ways] = process.argv.slice(2);
const http2 = require('http2');
const crypto = require('crypto');
const grpc = where === '-' ? null : require(where);

const LIMIT = 100000; // milliseconds for one call
const brief = bytes => bytes.length > 40
    ? `${bytes.length} ${crypto.createHash('sha256').update(bytes).digest('hex').slice(0, 12)}` : bytes.toString();
const large = crypto.createHash('shake256', { outputLength: 4 * 1024 * 1024 }).update('large').digest();

// ---- calls: what the server does with one, and what the client does
// call: send(bytes), head(fields), end(code, message, trailers), on(message | half | cancelled); half: no more comes.

// Answers when the whole question is there.
const whole = answer => call => {
    let asked;
    call.on('message', m => { asked = m; });
    call.on('half', () => answer(call, asked));
};
const calls = {
    Unary: { kind: 'unary', send: ['ask'], fields: { 'x-ask': 'head' }, serve: whole((call, m) => {
        call.head({ 'x-answer': call.fields['x-ask'] });
        call.send(m);
        call.end(0, '', { 'x-end': 'trailer' });
    }) },
    Empty: { kind: 'unary', send: [''], serve: whole((call, m) => { call.send(m); call.end(0); }) },
    Large: { kind: 'unary', send: [large], serve: whole((call, m) => { call.send(m); call.end(0); }) },
    Fail: { kind: 'unary', send: ['x'], serve: whole(call => call.end(7, 'caf\u00e9: 100% no', { 'x-why': 'mood' })) },
    Nobody: { kind: 'unary', send: ['x'] },
    Slow: { kind: 'unary', send: ['x'], deadline: 1500, serve: () => {} },
    Down: { kind: 'down', send: ['go'], serve: whole(call => {
        for (let i = 0; i < 500; i++) call.send(`answer ${i}`);
        call.end(0, '', { 'x-count': '500' });
    }) },
    DownLarge: { kind: 'down', send: ['go'], serve: whole(call => {
        for (let i = 0; i < 4; i++) call.send(large);
        call.end(0);
    }) },
    DownFail: { kind: 'down', send: ['go'], serve: whole(call => {
        call.send('one');
        call.send('two');
        call.end(13, 'broken in between');
    }) },
    DownDeadline: { kind: 'down', send: ['go'], deadline: 1500, serve: whole(call => call.send('one')) },
    Up: { kind: 'up', send: Array.from({ length: 500 }, (_, i) => `part ${i}`), serve: call => {
        let n = 0;
        call.on('message', () => { n++; });
        call.on('half', () => { call.send(`${n} parts`); call.end(0); });
    } },
    UpLarge: { kind: 'up', send: [large, large, large], serve: call => {
        let n = 0;
        call.on('message', m => { n += m.length; });
        call.on('half', () => { call.send(`${n} bytes`); call.end(0); });
    } },
    Both: { kind: 'both', turns: 100, serve: call => {
        call.on('message', m => call.send(`echo ${m}`));
        call.on('half', () => call.end(0, '', { 'x-end': 'both' }));
    } },
    Cancel: { kind: 'both', turns: 3, cancel: true, serve: call => call.on('message', m => call.send(m)) },
};

// What the server has seen, for those who ask by the number of the call.
const halves = {};
const serve = (call, name) => {
    const seen = [];
    const yes = halves[call.fields['x-key']] || (() => {});
    let n = 0;
    call.on('message', m => { n++; if (n < 4) seen.push(brief(m)); });
    call.on('half', () => seen.push(`half after ${n}`));
    call.on('over', () => yes(seen));
    call.on('cancelled', () => yes(['cancelled']));
    calls[name].serve(call);
};

// ---- on Node alone

const { EventEmitter } = require('events');
const framed = bytes => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(bytes.length, 1);
    return Buffer.concat([head, bytes]);
};
// Messages of a stream (gRPC's Length-Prefixed-Message); kept in pieces, so that large ones cost no more than their size.
const unframe = (stream, take) => {
    let pieces = [], have = 0, want = 5, size = -1;
    stream.on('data', d => {
        pieces.push(d);
        have += d.length;
        while (have >= want) {
            const all = Buffer.concat(pieces);
            const part = all.subarray(0, want);
            pieces = [all.subarray(want)];
            have -= want;
            if (size < 0) {
                want = size = part.readUInt32BE(1);
                if (size > 0) continue;
            }
            size = -1;
            want = 5;
            take(part.length === 5 && part[0] === 0 && part.readUInt32BE(1) === 0 ? Buffer.alloc(0) : part);
        }
    });
};

const own = {
    serve: port => new Promise(yes => {
        const server = http2.createServer();
        server.on('session', s => s.on('error', () => {}));
        server.on('stream', (stream, fields) => {
            const name = fields[':path'].split('/')[2];
            const type = { ':status': 200, 'content-type': 'application/grpc' };
            stream.on('error', () => {});
            if (name === 'Check') {
                stream.respond(type, { waitForTrailers: true });
                stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
                stream.end(framed(Buffer.from([8, 1])));
                return;
            }
            if (!calls[name] || !calls[name].serve) {
                if (halves[fields['x-key']]) halves[fields['x-key']](['nobody']);
                stream.respond({ ...type, 'grpc-status': '12' }, { endStream: true });
                return;
            }
            const call = new EventEmitter();
            let trailers = null;
            call.fields = fields;
            call.head = more => stream.respond({ ...type, ...more }, { waitForTrailers: true });
            call.send = bytes => { if (!stream.headersSent) call.head({}); stream.write(framed(Buffer.from(bytes))); };
            call.end = (code, message, more) => {
                trailers = { 'grpc-status': `${code}`, ...(message && { 'grpc-message': encodeURIComponent(message) }), ...more };
                if (!stream.headersSent) stream.respond({ ...type, ...trailers }, { endStream: true });
                else stream.end();
            };
            stream.on('wantTrailers', () => stream.sendTrailers(trailers));
            unframe(stream, m => call.emit('message', m));
            stream.on('end', () => { if (!stream.aborted) call.emit('half'); });
            stream.on('close', () => call.emit(trailers ? 'over' : 'cancelled'));
            serve(call, name);
        });
        server.listen(port, '127.0.0.1', yes);
    }),
    client: port => new Promise((yes, no) => {
        const session = http2.connect(`http://127.0.0.1:${port}`);
        session.on('error', no);
        session.on('connect', () => yes(session));
    }),
    // on(message, bytes), on(end, {code, message, head, trailers})
    call: (session, name, talk, fields) => {
        const call = new EventEmitter();
        let head = {}, trailers = {}, late = null;
        const stream = session.request({ ':method': 'POST', ':path': `/shop.Cart/${name}`, te: 'trailers',
            'content-type': 'application/grpc', ...(talk.deadline && { 'grpc-timeout': `${talk.deadline}m` }), ...fields },
        { endStream: false });
        if (talk.deadline) late = setTimeout(() => { late = 'late'; stream.close(8); }, talk.deadline);
        stream.on('response', h => { head = h; });
        stream.on('trailers', t => { trailers = t; });
        stream.on('error', () => {});
        unframe(stream, m => call.emit('message', m));
        stream.on('close', () => {
            if (late !== 'late') clearTimeout(late);
            const all = 'grpc-status' in trailers ? trailers : head;
            const code = all['grpc-status'] !== undefined ? +all['grpc-status'] : late === 'late' ? 4 : call.over ? 1 : -1;
            call.emit('end', { code, message: decodeURIComponent(all['grpc-message'] || ''), head, trailers: all });
        });
        call.send = bytes => stream.write(framed(bytes));
        call.half = () => stream.end();
        call.cancel = () => { call.over = true; stream.close(8); };
        return call;
    },
};

// ---- by @grpc/grpc-js

const bytes = { requestSerialize: b => b, requestDeserialize: b => b, responseSerialize: b => b, responseDeserialize: b => b };
const metadata = fields => {
    const m = new grpc.Metadata();
    for (const [name, value] of Object.entries(fields || {})) m.set(name, value);
    return m;
};
const package_ = {
    serve: port => new Promise((yes, no) => {
        const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
        const definition = { Check: { path: '/grpc.health.v1.Health/Check', requestStream: false, responseStream: false, ...bytes } };
        const handlers = { Check: (call, done) => done(null, Buffer.from([8, 1])) };
        for (const [name, talk] of Object.entries(calls).filter(([, t]) => t.serve)) {
            definition[name] = { path: `/shop.Cart/${name}`, requestStream: /up|both/.test(talk.kind),
                responseStream: /down|both/.test(talk.kind), ...bytes };
            handlers[name] = (given, done) => {
                const call = new EventEmitter();
                const message = {};
                let ended = false;
                call.fields = given.metadata.getMap();
                call.head = fields => given.sendMetadata(metadata(fields));
                call.send = m => done ? (message.is = Buffer.from(m)) : given.write(Buffer.from(m));
                call.end = (code, details, fields) => {
                    ended = true;
                    const error = code ? { code, details, metadata: metadata(fields) } : null;
                    if (done) done(error, message.is, metadata(fields));
                    else if (error) given.emit('error', error);
                    else given.end(metadata(fields));
                    setImmediate(() => call.emit('over'));
                };
                given.on('cancelled', () => { if (!ended) call.emit('cancelled'); });
                if (given.request === undefined) {
                    given.on('data', m => call.emit('message', m));
                    given.on('end', () => { if (!given.cancelled) call.emit('half'); });
                }
                serve(call, name);
                if (given.request !== undefined) { call.emit('message', given.request); call.emit('half'); }
            };
        }
        server.addService(definition, handlers);
        server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), e => e ? no(e) : yes());
    }),
    client: async port => new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(),
        { 'grpc.max_receive_message_length': -1 }),
    call: (client, name, talk, fields) => {
        const call = new EventEmitter();
        const options = talk.deadline ? { deadline: Date.now() + talk.deadline } : {};
        const first = [`/shop.Cart/${name}`, b => b, b => b];
        const take = (e, m) => { if (m !== undefined && m !== null) call.emit('message', m); };
        const end = { head: {}, trailers: {} };
        const begin = request => {
            let given;
            if (talk.kind === 'unary') given = client.makeUnaryRequest(...first, request, metadata(fields), options, take);
            else if (talk.kind === 'down') given = client.makeServerStreamRequest(...first, request, metadata(fields), options);
            else if (talk.kind === 'up') given = client.makeClientStreamRequest(...first, metadata(fields), options, take);
            else given = client.makeBidiStreamRequest(...first, metadata(fields), options);
            given.on('error', () => {});
            if (/down|both/.test(talk.kind)) given.on('data', m => call.emit('message', m));
            given.on('metadata', m => { end.head = m.getMap(); });
            given.on('status', s => setImmediate(() =>
                call.emit('end', { ...end, code: s.code, message: s.details, trailers: s.metadata.getMap() })));
            return given;
        };
        const streams = /up|both/.test(talk.kind);
        const given = streams ? begin() : null;
        call.send = m => streams ? given.write(m) : begin(m);
        call.half = () => { if (streams) given.end(); };
        call.cancel = () => given.cancel();
        return call;
    },
};

// ---- one call by one way

const kit = grpc ? package_ : own;
const converse = async (way, name) => {
    const talk = calls[name];
    const key = `${way.name}-${name}`;
    const seen = [];
    const half = new Promise(yes => { halves[key] = yes; });
    if (grpc && !talk.serve) halves[key](['nobody']);
    const call = kit.call(way.client, name, talk, { 'x-key': key, ...talk.fields });
    let n = 0;
    call.on('message', m => {
        n++;
        if (n < 4) seen.push(brief(m));
        if (talk.turns && n < talk.turns) call.send(Buffer.from(`turn ${n}`));
        if (talk.turns === n) talk.cancel ? call.cancel() : call.half();
    });
    const over = new Promise(yes => call.on('end', end => {
        const told = talk.deadline || talk.cancel || !talk.serve ? '' : end.message;
        seen.push(`${n} messages`, `status ${end.code} ${told}`, `head ${end.head['x-answer']}`,
            ...['x-end', 'x-why', 'x-count'].map(f => `${f} ${end.trailers[f]}`));
        yes();
    }));
    if (talk.turns) call.send(Buffer.from('turn 0'));
    else { for (const m of talk.send) call.send(Buffer.from(m)); call.half(); }
    let timer;
    const late = new Promise(yes => { timer = setTimeout(() => { seen.push('LATE'); yes([0, ['LATE']]); }, LIMIT); });
    const [, there] = await Promise.race([Promise.all([over, half]), late]);
    clearTimeout(timer);
    console.log(`${way.name}\t${name}\t${JSON.stringify({ client: seen, server: there })}`);
};

const main = async () => {
    for (const port of ports.split(',')) await kit.serve(+port);
    if (ways.length === 0) return;
    await Promise.all(ways.map(async text => {
        const [name, port] = text.split('=');
        const way = { name, client: await kit.client(+port) };
        for (const call of Object.keys(calls)) await converse(way, call);
    }));
    console.log('end');
    process.exit(0);
};
main().catch(e => { console.log(`failed: ${e.stack}`); process.exit(1); });
