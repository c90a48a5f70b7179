// echo.js: a WebSocket echo on Node: with the module `ws` where it is installed, else on Node alone.
//   node echo.js PORT
'use strict';
const http = require('http');
const crypto = require('crypto');

const server = http.createServer((req, res) => {
    res.writeHead(400);
    res.end('a WebSocket is spoken here\n');
});

// One frame at the start of BYTES (RFC 6455 5.2): its first byte, payload and size; null when more must come.
const frame = bytes => {
    if (bytes.length < 6) return null;
    let size = bytes[1] & 0x7f;
    let at = 2;
    if (size === 126) {
        size = bytes.readUInt16BE(2);
        at = 4;
    } else if (size === 127) {
        if (bytes.length < 14) return null;
        size = Number(bytes.readBigUInt64BE(2));
        at = 10;
    }
    if (bytes.length < at + 4 + size) return null;
    const mask = bytes.subarray(at, at + 4);
    const payload = Buffer.from(bytes.subarray(at + 4, at + 4 + size));
    payload.forEach((b, i) => { payload[i] = b ^ mask[i & 3]; });
    return { first: bytes[0], payload, size: at + 4 + size };
};

const put = (socket, first, payload) => {
    const n = payload.length;
    const head = Buffer.alloc(n < 126 ? 2 : n < 65536 ? 4 : 10);
    head[0] = first;
    head[1] = n < 126 ? n : n < 65536 ? 126 : 127;
    if (head.length === 4) head.writeUInt16BE(n, 2);
    if (head.length === 10) head.writeBigUInt64BE(BigInt(n), 2);
    socket.write(Buffer.concat([head, payload]));
};

const own = (req, socket, rest) => {
    const accept = crypto.createHash('sha1')
        .update(req.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
    let bytes = rest;
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
        `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);
    const take = more => {
        bytes = Buffer.concat([bytes, more]);
        for (let f = frame(bytes); f; f = frame(bytes)) {
            const opcode = f.first & 0x0f;
            bytes = bytes.subarray(f.size);
            if (opcode !== 10) put(socket, opcode === 9 ? 0x8a : f.first, f.payload);
            if (opcode === 8) socket.end();
        }
    };
    socket.on('data', take);
    socket.on('error', () => socket.destroy());
    take(Buffer.alloc(0));
};

try {
    const { WebSocketServer } = require('ws');
    new WebSocketServer({ server }).on('connection', ws => {
        ws.on('message', (data, binary) => ws.send(data, { binary }));
    });
} catch {
    server.on('upgrade', own);
}
server.listen(+process.argv[2], '127.0.0.1');
