#!/usr/bin/env perl

# TLS towards clients: the handshake and how it fails, and HTTP/1 over it in every case that it has in the clear.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Digest::SHA qw(sha1_hex);
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);
use Weir;
use Weir::Tls;

plan skip_all => 'no openssl command' if system 'openssl version >/dev/null 2>&1';

my $w = Weir->new(ports => [qw(tls quick proxied plain up ws)]);
my $dir = $w->dir;
Weir::Tls->certificate($dir, 'ec', hosts => ['a.test']);
Weir::Tls->certificate($dir, 'rsa', hosts => ['a.test'], rsa => 2048);
mkdir "$dir/files";

# Bytes that differ wherever they are, and a file that takes no room on the disk.
my $pattern = join '', map { pack 'N', $_ * 2654435761 % 4294967296 } 0 .. 65535;
$w->write('files/quarter', $pattern);
open my $fh, '>', "$dir/files/hundred" or die $!;
print {$fh} $pattern for 1 .. 400;
close $fh;
open $fh, '>', "$dir/files/huge" or die $!;
truncate $fh, 1 << 30;
close $fh;

$w->conf(<<'CONF');
workers = 1;
drain_timeout = "5s";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = (
  { address = "127.0.0.1:{{tls}}"; http2 = false;
    tls = { certificates = ( { cert = "{{dir}}/ec.pem"; key = "{{dir}}/ec.key"; },
                             { cert = "{{dir}}/rsa.pem"; key = "{{dir}}/rsa.key"; } ); }; },
  { address = "127.0.0.1:{{quick}}"; http2 = false; defer_accept = "0s"; timeouts = { client_header = "500ms"; };
    tls = { certificates = ( { cert = "{{dir}}/ec.pem"; key = "{{dir}}/ec.key"; } ); }; },
  { address = "127.0.0.1:{{proxied}}"; http2 = false; proxy_protocol = true; trusted = "127.0.0.0/8";
    tls = { certificates = ( { cert = "{{dir}}/ec.pem"; key = "{{dir}}/ec.key"; } ); }; },
  { address = "127.0.0.1:{{plain}}"; }
);
upstreams = ( { name = "u"; servers = ( "127.0.0.1:{{up}}" ); },
              { name = "ws"; servers = ( "127.0.0.1:{{ws}}" ); } );
sites = ( { name = "a"; routes = (
  { prefix = "/files/"; strip_prefix = "/files"; root = "{{dir}}/files"; },
  { prefix = "/up/"; proxy = "u"; request_body = { max_size = "200m"; }; },
  { prefix = "/ws/"; proxy = "ws"; },
  { prefix = "/weir/"; status = true; },
  { respond = { body = "$scheme $remote_addr:$remote_port"; }; } ); } );
CONF
my $up = $w->upstream('up', {
        '/up/echo' => 'echo',
        '/up/huge' => sub {
            my ($c) = @_;
            $c->send("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n");
            my $mega = 'x' x (1 << 20);
            for (1 .. 1024) {
                last if $c->send($mega, timeout => 60) < length $mega;
            }
            return 0;
        },
        '/up/cut'    => {do => 'partial', cut => 60, body => 'y' x 1000},
        '/up/chunks' => {do => 'dribble', bytes => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                . "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", piece => 7},
        '/up/close' => {do => 'fixed', bytes => "HTTP/1.1 200 OK\r\n\r\nuntil the end", close => 1},
        '*' => {do => 'fixed', body => 'ok'},
    }, brief => 1);
my $ws = $w->upstream('ws', 'websocket');
$w->start;
my ($tls, $quick) = map { $w->port($_) } qw(tls quick);

sub client { return Weir::Tls->client(port => $tls, dir => $dir, @_) }
sub get { return Weir::Tls->get($tls, shift, dir => $dir, @_) }
my $request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

sub answers {
    my ($c, $name) = @_;
    $c->send($request);
    my $r = $c->read_response;
    return like(($r // {})->{body} // '', qr/^https 127\.0\.0\.1:/, $name);
}

subtest 'the handshake' => sub {
    for my $args ([], ['-tls1_2'], ['-tls1_3'], ['-tls1_2', '-cipher', 'aRSA'], ['-tls1_2', '-cipher', 'aECDSA'],
        ['-curves', 'P-384']) {
        my $c = client(args => $args);
        answers($c, "@$args");
        answers($c, 'and again') if !@$args;
        Weir::Tls->end($c);
    }
    my $c = client(args => ['-alpn', 'http/1.1']);
    answers($c, 'ALPN');
    Weir::Tls->end($c);
    my $relay = Weir::Tls->relay(to => $tls, piece => 1);
    $c = client(port => $relay->{port});
    answers($c, 'byte by byte');
    Weir::Tls->end($c);
    $relay->stop;
};

subtest 'handshakes that fail are told of and harm nobody' => sub {
    my $c = client(args => ['-alpn', 'gopher']);
    ok(Weir::Tls->wait_end($c), 'no protocol in common');
    like(Weir::Tls->report($c), qr/no application protocol/, 'the client is told why');
    ok($w->wait_log(qr/client 127\.0\.0\.1:\d+ listener \S+ name localhost: TLS handshake failed: no protocol in common/), 'and so is the log');
    $c = client(args => ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']);
    ok(Weir::Tls->wait_end($c), 'an old version');
    ok($w->wait_log(qr/failed: no version of TLS in common/), 'logged');
    $c = client(args => ['-verify_return_error', '-CAfile', "$dir/rsa.pem", '-tls1_2', '-cipher', 'aECDSA']);
    ok(Weir::Tls->wait_end($c), 'a client that does not trust us');
    ok($w->wait_log(qr/failed: the other side (?:does not know who issued|refuses) the certificate/), 'logged');
    my $raw = $w->client('tls');
    $raw->send("\x01\x02\x03nonsense\r\n\r\n");
    is($raw->read_all(timeout => 5), '', 'no TLS: no answer');
    ok($raw->{eof}, 'and closed');
    ok($w->wait_log(qr/failed: what came is not TLS/), 'logged');
    $raw = $w->client('quick');
    my $began = time;
    $raw->send("\x16\x03\x01");
    is($raw->read_all(timeout => 5), '', 'one that never goes on');
    ok($raw->{eof} && time - $began >= 0.4, 'is closed after client_header');
    ok($w->wait_log(qr/failed: it was not finished within timeouts\.client_header/), 'logged');
    $raw = $w->client('tls');
    $raw->send("\x16\x03\x01\x00\x05\x01");
    $raw->reset;
    answers(client(), 'others are served');
};

subtest 'a name that a stranger made up cannot write into the log' => sub {
    my $c = client(host => "x\x1b[2J\"a", args => ['-alpn', 'gopher']);
    Weir::Tls->wait_end($c);
    ok($w->wait_log(qr/name x\\x1b\[2J\\x22a: TLS/), 'escaped');
};

subtest 'a stranger must not fill the log' => sub {
    my $before = grep { /not TLS/ } $w->log_lines;
    for (1 .. 60) {
        my $raw = $w->client('tls');
        $raw->send("\x01\x02\x03nonsense\r\n\r\n");
        $raw->read_all(timeout => 5);
    }
    my $lines = grep({ /not TLS/ } $w->log_lines) - $before;
    ok($lines <= 40, "60 failures made $lines lines");
    select undef, undef, undef, 1.1;
    my $raw = $w->client('tls');
    $raw->send("\x01\x02\x03nonsense\r\n\r\n");
    ok($w->wait_log(qr/\d+ more TLS handshakes failed/), 'the others are counted');
};

subtest 'HTTP in the clear on a TLS port' => sub {
    my $r = $w->get('tls', '/');
    is($r->{status}, 400, 'is refused in the clear');
    like($r->{body}, qr/https:/, 'with what to do');
    ok($r->{complete} && Weir::Client::header($r, 'Connection') eq 'close', 'and closed');
    my $c = $w->client('tls');
    $c->send('POST / HTTP/1.1');
    is(($c->read_response // {})->{status}, 400, 'before its head is whole');
};

subtest 'pipelining' => sub {
    my $c = client();
    $c->send($request x 20);
    is(scalar(grep { $_->{status} == 200 } $c->read_responses(20)), 20, 'twenty requests in a record');
    $c->send("PUT /up/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" . $request, piece => 3);
    my @r = $c->read_responses(2);
    is("$r[0]{status} $r[0]{body}", '200 ok', 'a body in many records');
    like($r[1]{body}, qr/^https/, 'and the request behind it');
    Weir::Tls->end($c);
};

subtest 'answers' => sub {
    my $r = get('/up/echo', headers => ['X-Test' => 'y']);
    like($r->{body}, qr/^X-Forwarded-Proto: https\r?$/mi, 'the server is told of https');
    $r = get('/up/chunks');
    is($r->{body}, 'hello world', 'in chunks');
    my $c = client();
    $c->send("GET /up/close HTTP/1.0\r\nHost: a\r\n\r\n");
    $r = $c->read_response;
    is($r->{body}, 'until the end', 'until the end of the connection');
    is(Weir::Tls->wait_end($c), 0, 'which comes with a goodbye');
    $c = client();
    $c->send("GET /up/cut HTTP/1.1\r\nHost: a\r\n\r\n");
    $r = $c->read_response;
    ok(!$r->{complete}, 'what the server cut short is seen to be');
    $c = client();
    $c->send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    is($c->read_response->{status}, 200, 'Connection: close');
    is(Weir::Tls->wait_end($c), 0, 'close_notify comes before the FIN');
    unlike(Weir::Tls->report($c), qr/unexpected eof/, 'so that nobody takes it for a cut');
};
$w->allow(qr/up\/cut/);

subtest 'files' => sub {
    my $r = get('/files/quarter');
    is(sha1_hex($r->{body}), sha1_hex($pattern), 'a file of 256 KB');
    my $c = client(timeout => 60);
    $c->send("GET /files/hundred HTTP/1.1\r\nHost: a\r\n\r\n$request");
    $r = $c->read_response(timeout => 60);
    is(length $r->{body}, 400 * length $pattern, '100 MB');
    is(sha1_hex($r->{body}), sha1_hex($pattern x 400), 'byte for byte');
    is($c->read_response->{status}, 200, 'and the next answer');
    Weir::Tls->end($c);
    $c = client();
    $c->send("GET /files/quarter HTTP/1.1\r\nHost: a\r\nRange: bytes=1000-200999\r\n\r\n");
    my $slow = '';
    while (length $slow < 200_000) {
        my $some = $c->read_bytes(8000, timeout => 5);
        last if $some eq '';
        $slow .= $some;
        $slow =~ s/\A.*?\r\n\r\n//s if $slow =~ /\AHTTP/;
        select undef, undef, undef, 0.005;
        last if length $slow >= 200_000;
        $slow .= $c->read_bytes(200_000 - length $slow) if length $slow > 190_000;
    }
    is(sha1_hex($slow), sha1_hex(substr $pattern, 1000, 200_000), 'to one that reads slowly');
    Weir::Tls->end($c);
};

subtest 'uploads' => sub {
    my $c = client(timeout => 60);
    my $body = $pattern x 80;
    $c->send("PUT /up/upload HTTP/1.1\r\nHost: a\r\nContent-Length: " . length($body) . "\r\n\r\n", timeout => 60);
    $c->send($body, timeout => 60);
    is(($c->read_response(timeout => 60) // {})->{body}, 'ok', '20 MB');
    $c->send("PUT /up/chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    $c->send(sprintf("%x\r\n%s\r\n", length $pattern, $pattern)) for 1 .. 4;
    $c->send("0\r\n\r\n");
    is(($c->read_response // {})->{body}, 'ok', 'in chunks');
    my ($seen) = grep { $_->{target} eq '/up/upload' } $up->seen;
    ok($seen, 'the server has had it');
    Weir::Tls->end($c);
};

sub worker_rss {
    my ($most, $pid) = (0, 0);
    for my $child ($w->children) {
        open my $in, '<', "/proc/$child/status" or next;
        my $text = do { local $/ = undef; readline $in };
        my ($kb) = $text =~ /^VmRSS:\s+(\d+)/m;
        $most = $kb if defined $kb && $kb > $most;
    }
    return $most;
}

sub is_sanitized {
    for my $child ($w->children) {
        open my $in, '<', "/proc/$child/maps" or next;
        return 1 if grep { /asan/ } readline $in;
    }
    return 0;
}

subtest 'clients that read nothing' => sub {
    my $before = worker_rss();
    my @c;
    for my $target (('/files/huge', '/up/huge') x 4) {
        my $c = client();
        $c->send("GET $target HTTP/1.1\r\nHost: a\r\n\r\n");
        $c->read_bytes(1000);
        kill STOP => $c->{pid};
        push @c, $c;
    }
    my ($last, $same) = (0, 0);
    Weir::wait_for(sub { my $now = worker_rss(); $same = $now == $last ? $same + 1 : 0; $last = $now; return $same > 30 });
    my $each = ($last - $before) / @c;
    SKIP: {
        skip 'a sanitizer keeps freed memory', 1 if is_sanitized();
        ok($each <= 1024, "cost $each KB each");
    }
    answers(client(), 'others are served');
    kill CONT => $_->{pid} for @c;
    Weir::Tls->end($_) for @c;
};

subtest 'clients that go away' => sub {
    my $c = client();
    $c->send("GET /up/huge HTTP/1.1\r\nHost: a\r\n\r\n");
    $c->read_bytes(100_000);
    Weir::Tls->end($c);
    my $relay = Weir::Tls->relay(to => $tls, cut => 4000);
    $c = client(port => $relay->{port});
    $c->send("PUT /up/cut-upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" . 'z' x 50_000);
    ok($c->is_closed(timeout => 5), 'in the middle of an upload, without goodbye');
    $relay->stop;
    Weir::Tls->end($c);
    $c = client(args => ['-no_ign_eof']);
    $c->send("PUT /up/half HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\nhalf");
    $c->shut;
    ok(defined Weir::Tls->wait_end($c), 'with one');
    answers(client(), 'others are served');
};
$w->allow(qr/up\/(?:huge|cut-upload|half)/);

subtest 'an answer that came before the body was read' => sub {
    my $c = client();
    $c->send("PUT /files/quarter HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" . 'z' x 100_000);
    my $r = $c->read_response;
    is($r->{status}, 405, 'arrives');
    $c->send('z' x 500_000);
    ok(defined Weir::Tls->wait_end($c), 'and the connection ends');
    unlike(Weir::Tls->report($c), qr/unexpected eof/, 'with a goodbye');
};

subtest 'WebSocket' => sub {
    my $c = client();
    $c->send("GET /ws/x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            . "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    is(($c->read_response // {})->{status}, 101, 'switched');
    my $sent = '';
    for my $n (1, 100, 20_000, 70_000) {
        my $bytes = substr $pattern, 0, $n;
        $c->send($bytes);
        is(sha1_hex($c->read_bytes($n)), sha1_hex($bytes), "$n bytes there and back");
    }
    Weir::Tls->end($c);
};

subtest 'a PROXY header in front of the handshake' => sub {
    for my $piece (undef, 1) {
        my $relay = Weir::Tls->relay(to => $w->port('proxied'), first => "PROXY TCP4 192.0.2.1 192.0.2.2 5555 443\r\n", piece => $piece);
        my $c = Weir::Tls->client(port => $relay->{port}, dir => $dir);
        $c->send($request);
        is(($c->read_response // {})->{body}, 'https 192.0.2.1:5555', $piece ? 'byte by byte' : 'believed');
        Weir::Tls->end($c);
        $relay->stop;
    }
};

subtest 'curl' => sub {
    plan skip_all => 'no curl' if system 'curl --version >/dev/null 2>&1';
    my $out = `curl -s --cacert $dir/ec.pem --resolve a.test:$tls:127.0.0.1 https://a.test:$tls/ https://a.test:$tls/up/x`;
    like($out, qr/^https 127\.0\.0\.1:\d+ok$/, 'verifies, and keeps the connection');
    is(`curl -sk -T $dir/files/hundred https://127.0.0.1:$tls/up/curl`, 'ok', 'uploads 100 MB');
};

subtest 'counted' => sub {
    my $text = get('/weir/api/v1/status')->{body};
    my ($done, $failed) = map { $text =~ /"tls_$_":\s*(\d+)/ ? $1 : -1 } qw(handshakes failures);
    ok($done > 20, "$done handshakes");
    ok($failed > 60, "$failed failures");
};

subtest 'drain' => sub {
    my $idle = client();
    answers($idle, 'an idle connection');
    my $busy = client(timeout => 30);
    $busy->send("GET /files/hundred HTTP/1.1\r\nHost: a\r\n\r\n");
    $busy->read_bytes(1000);
    $w->signal('HUP');
    ok($w->wait_log(qr/Generation 2 serves/), 'of the former generation begins');
    $idle->send($request);
    my $r = $idle->read_response;
    is(Weir::Client::header($r // {}, 'Connection'), 'close', 'the idle one is told with its next answer');
    is(Weir::Tls->wait_end($idle), 0, 'and gets its goodbye');
    my $rest = $busy->read_bytes(400 * length($pattern) - 100_000, timeout => 30);
    is(length $rest, 400 * length($pattern) - 100_000, 'a download is finished');
    Weir::Tls->end($busy);
};

$w->stop_ok('TERM');
done_testing;
