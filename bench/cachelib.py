"""What bench/cachestorm and bench/cachekill share: a server whose bodies are functions of their URLs, and Weir before it."""
import asyncio
import hashlib
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PIECE = 65536


def content(path, size):
    """The body of that path."""
    unit = hashlib.sha1(path.encode()).hexdigest().encode() + b' '
    return (unit * (size // len(unit) + 1))[:size]


def free_ports(n, held=[]):
    """Below those that the kernel gives to clients; an abstract socket holds each against runs beside this one."""
    ports = []
    while len(ports) < n:
        port = random.randrange(20000, 30000)
        hold = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with socket.socket() as sock:
            try:
                hold.bind('\0weir-test-port-%d' % port)
                sock.bind(('127.0.0.1', port))
            except OSError:
                hold.close()
                continue
        held.append(hold)
        ports.append(port)
    return ports


class Upstream:
    """GET /KIND/DELAY/SIZE/NAME: a body of SIZE bytes, begun after DELAY ms.  KIND is letters: c chunked, s slow (over a
    second and a half), e with an ETag and fresh for a second, else for ten minutes.  /stats: how often each was asked for."""

    def __init__(self, port):
        self.port = port
        self.process = multiprocessing.Process(target=self.run, daemon=True)
        self.process.start()

    def run(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.counts, self.from_port = {}, {}
        asyncio.run(self.serve())

    async def serve(self):
        server = await asyncio.start_server(self.connection, '127.0.0.1', self.port, backlog=1024)
        async with server:
            await server.serve_forever()

    async def connection(self, reader, writer):
        try:
            while True:
                head = (await reader.readuntil(b'\r\n\r\n')).decode('latin-1')
                await self.answer(head, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def answer(self, head, writer):
        path = head.split(' ', 2)[1]
        if path == '/stats':
            body = json.dumps([self.counts, self.from_port]).encode()
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n' % len(body) + body)
            return await writer.drain()
        kind, delay, size = path.split('/')[1:4]
        self.counts[path] = self.counts.get(path, 0) + 1
        self.from_port[path] = writer.get_extra_info('peername')[1]
        await asyncio.sleep(int(delay) / 1000)
        fields = 'Cache-Control: max-age=%d\r\n' % (1 if 'e' in kind else 600)
        if 'e' in kind:
            tag = '"%s"' % hashlib.sha1(path.encode()).hexdigest()
            fields += 'ETag: %s\r\n' % tag
            if tag in head:
                writer.write(('HTTP/1.1 304 Not Modified\r\n%s\r\n' % fields).encode())
                return await writer.drain()
        body = content(path, int(size))
        fields += 'Transfer-Encoding: chunked\r\n' if 'c' in kind else 'Content-Length: %d\r\n' % len(body)
        writer.write(('HTTP/1.1 200 OK\r\n%s\r\n' % fields).encode())
        step = len(body) // 30 + 1 if 's' in kind else PIECE
        for at in range(0, len(body), step):
            piece = body[at:at + step]
            writer.write(b'%x\r\n%s\r\n' % (len(piece), piece) if 'c' in kind else piece)
            await writer.drain()
            if 's' in kind:
                await asyncio.sleep(0.05)
        if 'c' in kind:
            writer.write(b'0\r\n\r\n')
        await writer.drain()

    def stats(self):
        with socket.create_connection(('127.0.0.1', self.port), 20) as sock:
            sock.sendall(b'GET /stats HTTP/1.1\r\nHost: x\r\n\r\n')
            data = b''
            while True:
                data += sock.recv(1 << 20)
                head, end, body = data.partition(b'\r\n\r\n')
                if end and len(body) == int(head.rsplit(b': ', 1)[1]):
                    return json.loads(body)

    def stop(self):
        self.process.terminate()
        self.process.join(5)


CONF = '''
workers = {workers};
pid_file = "{dir}/weir.pid";
control = "unix:{dir}/control.sock";
error_log = {{ path = "{dir}/error.log"; level = "info"; }};
listeners = ( "127.0.0.1:{port}" );
caches = ( {{ name = "c"; path = "{dir}/cache"; size = "2g"; memory = "16m"; lock_timeout = "60s"; }} );
upstreams = ( {{ name = "up"; servers = ( "127.0.0.1:{up}" ); }} );
defaults = {{ timeouts = {{ client_send = "2m"; }}; cache = "c"; }};
sites = ( {{ routes = ( {{ prefix = "/"; proxy = "up"; }} ); }} );
'''


class Weir:
    """With the upstream, in a directory that goes away with it."""

    def __init__(self, binary, workers, temp=None):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.dir = tempfile.mkdtemp(prefix='weir-cache-', dir=temp)
        os.chmod(self.dir, 0o755)
        self.port, up = free_ports(2)
        self.up = Upstream(up)
        with open(self.dir + '/weir.conf', 'w') as out:
            out.write(CONF.format(workers=workers, dir=self.dir, port=self.port, up=up))
        self.binary = binary
        self.start()

    def start(self):
        pid_file = self.dir + '/weir.pid'
        if os.path.exists(pid_file):
            os.unlink(pid_file)
        self.process = subprocess.Popen([self.binary, '-c', self.dir + '/weir.conf'], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(self.dir + '/stderr', 'ab'))
        until = time.monotonic() + 20
        while not os.path.exists(pid_file):
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit('Weir does not start: ' + open(self.dir + '/stderr').read())
            time.sleep(0.02)

    def kill_all(self):
        """The instance, at once."""
        pids = [self.process.pid] + self.children('')
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait()
        until = time.monotonic() + 10
        while any(os.path.exists('/proc/%d/fd/0' % pid) for pid in pids) and time.monotonic() < until:
            time.sleep(0.02)

    def children(self, role):
        """Pids of the processes whose name has the word."""
        found = []
        try:
            with open('/proc/%d/task/%d/children' % (self.process.pid, self.process.pid)) as f:
                pids = f.read().split()
        except OSError:
            return found
        for pid in pids:
            try:
                with open('/proc/%s/comm' % pid) as f:
                    if role in f.read():
                        found.append(int(pid))
            except OSError:
                pass
        return found

    def pid_of_port(self, port):
        """The child whose connection has that port; None: there is none."""
        inode = None
        with open('/proc/net/tcp') as f:
            for line in f:
                columns = line.split()
                if columns[1].endswith(':%04X' % port) and columns[2].endswith(':%04X' % self.up.port):
                    inode = columns[9]
        for pid in self.children('weir'):
            try:
                for fd in os.listdir('/proc/%d/fd' % pid):
                    if os.readlink('/proc/%d/fd/%s' % (pid, fd)) == 'socket:[%s]' % inode:
                        return pid
            except OSError:
                pass
        return None

    def wait_workers(self, n):
        until = time.monotonic() + 20
        while len(self.children('worker')) < n:
            if time.monotonic() > until:
                raise SystemExit('the workers do not come back')
            time.sleep(0.02)

    def log(self):
        with open(self.dir + '/error.log', errors='replace') as f:
            return f.read()

    def stop(self):
        """What was wrong with its end; None: nothing."""
        wrong = None
        self.process.send_signal(signal.SIGTERM)
        try:
            if self.process.wait(30) != 0:
                wrong = 'Weir ended with %d' % self.process.returncode
        except subprocess.TimeoutExpired:
            wrong = 'Weir did not end'
            self.process.kill()
            self.process.wait()
        self.up.stop()
        shutil.rmtree(self.dir, ignore_errors=True)
        return wrong


def find_binary(given):
    for path in (given, os.environ.get('WEIR'), os.path.join(HERE, '../build/weir'), './weir', shutil.which('weir')):
        if path and os.access(path, os.X_OK):
            return os.path.abspath(path)
    raise SystemExit('no weir: --weir FILE')
