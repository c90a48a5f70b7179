#!/usr/bin/env perl

# What a request and its answer go through between Weir and an upstream: connections that
# are used again, bodies in every framing and size, the choice of a server, tunnels.

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Weir;

my $w = Weir->new(ports => [qw(http up a b c gone)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; } );
upstreams = (
  { name = "up"; servers = ( { address = "127.0.0.1:{{up}}"; } ); },
  { name = "abc"; servers = ( { address = "127.0.0.1:{{a}}"; weight = 5; },
    { address = "127.0.0.1:{{b}}"; }, { address = "127.0.0.1:{{c}}"; } ); },
  { name = "some-gone"; servers = ( { address = "127.0.0.1:{{gone}}"; }, { address = "127.0.0.1:{{b}}"; } ); },
  { name = "backup"; servers = ( { address = "127.0.0.1:{{a}}"; down = true; }, { address = "127.0.0.1:{{c}}"; backup = true; } ); }
);
defaults = { request_body = { max_size = "64m"; memory = "64k"; }; };
sites = ( { name = "all"; routes = (
  { prefix = "/abc"; proxy = "abc"; },
  { prefix = "/some-gone"; proxy = "some-gone"; },
  { prefix = "/backup"; proxy = "backup"; },
  { prefix = "/stream"; proxy = "up"; request_body = { buffer = "stream"; }; },
  { prefix = "/host"; proxy = "up"; proxy_headers = { host = "other.test"; forwarded = false; via = false; }; },
  { prefix = "/"; proxy = "up"; } ); } );
CONF

my $big = join '', map { pack 'N', $_ * 2654435761 % 4294967296 } 1 .. 750_000;

# Answers with the digest of the body, reading it at its own pace.
sub digest {
    my ($conn, $r) = @_;
    my $text = md5_hex($r->{body} // '') . ' ' . length($r->{body} // '');
    $conn->send("HTTP/1.1 200 OK\r\nContent-Length: " . length($text) . "\r\n\r\n$text");
    return 1;
}

sub name {
    my ($name) = @_;
    return {do => 'fixed', body => $name};
}

my $up = $w->upstream('up', {
    '/big'      => {do => 'fixed', body => $big},
    '/big/end'  => {do => 'fixed', bytes => "HTTP/1.0 200 OK\r\n\r\n$big", close => 1},
    '/big/chunks' => sub {
        my ($conn) = @_;
        my $out = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (my $at = 0; $at < length $big; $at += 33_333) {
            my $piece = substr $big, $at, 33_333;
            $out .= sprintf("%x\r\n%s\r\n", length $piece, $piece);
        }
        $conn->send($out . "0\r\n\r\n");
        return 1;
    },
    '/digest'        => \&digest,
    '/stream/digest' => \&digest,
    '/ws'            => 'websocket',
    '/empty'         => {do => 'fixed', status => 204},
    '/fixed'         => {do => 'fixed', body => 'fixed'},
    '*'              => 'echo',
});
$w->upstream($_, name($_)) for qw(a b c);
$w->start;

sub conns { my %c = map { $_->{conn} => 1 } $up->seen; return scalar keys %c }

{
    my $c = $w->client('http');
    for my $i (1 .. 5) {
        $c->send("GET /$i?q=$i HTTP/1.1\r\nHost: a.test:81\r\nX-Forwarded-For: 6.6.6.6\r\nX_Bad: 1\r\n\r\n");
        my $r = $c->read_response;
        is($r->{status}, 200, "request $i");
        like($r->{body}, qr{\AGET /\Q$i?q=$i\E HTTP/1\.1\r\nHost: a\.test:81\r\n}, 'went on as it came');
        like($r->{body}, qr{^X-Forwarded-For: 127\.0\.0\.1\r\n}m, 'with the address of the client alone');
        like($r->{body}, qr{^Via: 1\.1 weir\r\n}m, 'and Via');
        unlike($r->{body}, qr{X_Bad|6\.6\.6\.6}, 'without what may not pass');
    }
    is(conns(), 1, 'five requests share one upstream connection');
    $c->send("GET /host HTTP/1.1\r\nHost: a.test\r\n\r\n");
    my $body = $c->read_response->{body};
    like($body, qr{^Host: other\.test\r\n}m, 'Host as proxy_headers says');
    unlike($body, qr{^(?:Via|X-Forwarded)}m, 'and no forwarding fields');
}

for my $path ('/big', '/big/chunks', '/big/end', '/big') {
    my $c = $w->client('http');
    $c->send("GET $path HTTP/1.1\r\nHost: a\r\n\r\n");
    my $r = $c->read_response;
    is($r->{error}, undef, "$path is framed well");
    is(md5_hex($r->{body} // ''), md5_hex($big), 'and complete');
    $c->send("GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n");
    is($c->read_response->{body}, 'fixed', 'what follows on the connection is in its place');
}
{
    my $c = $w->client('http');
    $c->send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    select undef, undef, undef, 0.3;
    my $r = $c->read_response;
    is(md5_hex($r->{body} // ''), md5_hex($big), 'a client that begins to read late gets all of it');
}

for my $path ('/digest', '/stream/digest') {
    for my $size (0, 10, 70_000, 400_000) {
        my $body = substr $big, 0, $size;
        my $c    = $w->client('http');
        $c->send("POST $path HTTP/1.1\r\nHost: a\r\nContent-Length: $size\r\n\r\n$body");
        is($c->read_response->{body}, md5_hex($body) . " $size", "$path: $size bytes of known length");
        my $chunks = '';
        for (my $at = 0; $at < $size; $at += 9_999) {
            my $piece = substr $body, $at, 9_999;
            $chunks .= sprintf("%x\r\n%s\r\n", length $piece, $piece);
        }
        $c->send("POST $path HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n");
        is($c->read_response->{body}, md5_hex($body) . " $size", "$path: $size bytes in chunks");
    }
}

{
    my $c   = $w->client('http');
    my $got = '';
    for (1 .. 7) {
        $c->send("GET /abc HTTP/1.1\r\nHost: a\r\n\r\n");
        $got .= $c->read_response->{body};
    }
    is($got, 'aabacaa', 'servers by weight, smoothly');
    $got = '';
    for (1 .. 6) {
        $c->send("POST /some-gone HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx");
        $got .= $c->read_response->{body};
    }
    is($got, 'bbbbbb', 'a server that refuses is passed over, for POST too');
    $c->send("GET /backup HTTP/1.1\r\nHost: a\r\n\r\n");
    is($c->read_response->{body}, 'c', 'the backup where no other is up');
    $c->send("GET /empty HTTP/1.1\r\nHost: a\r\n\r\nGET /fixed HTTP/1.1\r\nHost: a\r\n\r\n");
    is($c->read_response->{status}, 204, 'an answer without content');
    is($c->read_response->{body}, 'fixed', 'has none');
}

{
    my $c = $w->client('http');
    $c->send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        . "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nearly");
    my $r = $c->read_response;
    is($r->{status}, 101, 'websocket: switched');
    is(lc(Weir::Client::header($r, 'Upgrade') // ''), 'websocket', 'and says to what');
    is($c->read_bytes(5), 'early', 'bytes behind the head go on');
    $c->send('ping');
    is($c->read_bytes(4), 'ping', 'bytes go both ways');
    $c->send($big);
    is(md5_hex($c->read_bytes(length $big)), md5_hex($big), 'many of them');
}

$w->allow(qr/warn .*upstream some-gone .*Connection refused .*another server is tried/);
$w->stop_ok;
done_testing;
