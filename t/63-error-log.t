#!/usr/bin/env perl

# What the error log and the access log say of requests that fail: who, where, the setting that decided and its value,
# errno or the bytes that came; and Proxy-Status on what Weir answers itself.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Weir;

my $w = Weir->new(ports => [qw(http up dead flood)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
drain_timeout = "1s";
listeners = ( { address = "127.0.0.1:{{http}}"; timeouts = { client_header = "400ms"; };
                request_head = { max_size = "1k"; max_fields = 8; }; } );
upstreams = (
  { name = "up"; servers = ( { address = "127.0.0.1:{{up}}"; } ); },
  { name = "mixed"; servers = ( { address = "127.0.0.1:{{dead}}"; }, { address = "127.0.0.1:{{up}}"; } ); },
  { name = "flood"; servers = ( { address = "127.0.0.1:{{flood}}"; } ); },
  { name = "dead"; servers = ( { address = "127.0.0.1:{{dead}}"; } ); }
);
sites = ( { name = "all"; hosts = [ "a" ];
  access_log = ( { path = "{{dir}}/access.log"; format = "$uri $status $bytes_sent error=$error route=$route id=$request_id"; buffer = 0; } );
  routes = (
    { prefix = "/mixed/"; proxy = "mixed"; },
    { prefix = "/flood"; proxy = "flood"; timeouts = { client_send = "600ms"; }; },
    { exact = "/dead"; proxy = "dead"; },
    { regex = "^/re[0-9]"; respond = 204; },
    { prefix = "/teapot"; name = "tea"; respond = 418; },
    { prefix = "/small"; proxy = "up"; request_body = { max_size = "1k"; }; },
    { prefix = "/files/"; alias = "{{dir}}/files"; },
    { prefix = "/slow"; proxy = "up"; timeouts = { read = "300ms"; }; },
    { prefix = "/body"; proxy = "up"; timeouts = { client_body = "300ms"; }; },
    { prefix = "/cut"; proxy = "up"; }, { prefix = "/up"; proxy = "up"; } ); } );
CONF
my $half = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" . 'x' x 300;
$w->upstream('up', {
    '/up/half'   => {do => 'reset', after => $half},
    '/up/close'  => sub { $_[0]->send($half); return 0 },
    '/up/chunks' => sub { $_[0]->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n12c\r\n" . 'x' x 300 . "\r\n"); return 0 },
    '/slow/head' => 'hang',
    '/cut/head'  => 'hang',
    '/cut/body'  => sub { $_[0]->send($half); select undef, undef, undef, 20; return 0 },
    '/slow/body' => sub { $_[0]->send($half); select undef, undef, undef, 1; return 0 },
    '*'          => 'echo',
});
$w->upstream('flood', {'*' => sub { $_[0]->send("HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\n" . 'x' x 60_000_000); return 0 }});
mkdir "$w->{dir}/files";
chmod 0755, "$w->{dir}/files";
chmod 0644, $w->write('files/a.txt', 'text');
chmod 0000, $w->write('files/secret', 'text');
$w->start;
$w->allow(qr/client 127/);

my %log;    # place that was read to
sub fresh {
    my ($name, $want) = @_;
    my $text;
    Weir::wait_for(sub { $text = substr $w->read($name), $log{$name} // 0; $text =~ $want });
    $log{$name} = length $w->read($name);
    return $text;
}

sub ask {
    my ($bytes) = @_;
    my $c = $w->client('http');
    $c->send($bytes);
    my $r = $c->read_response;
    $c->close;
    return $r;
}

sub get { return ask("GET $_[0] HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") }

my $up   = '127\.0\.0\.1:' . $w->port('up');
my $dead = '127\.0\.0\.1:' . $w->port('dead');

# ---- answers that are cut short
my @cut = (
    ['/up/close',  'upstream ended within the body of its answer; 300 of 1000 bytes came', 'http_response_incomplete'],
    ['/up/chunks', 'upstream ended within the body of its answer; 300 bytes of the body came', 'http_response_incomplete'],
    ['/slow/body', "the upstream's answer timed out; timeouts.read is 300ms; 300 of 1000 bytes came", 'http_response_timeout'],
);
for (@cut) {
    my ($path, $text, $error) = @$_;
    my $r = get($path);
    is($r->{status}, 200, "$path: the head was sent");
    ok($r->{error}, 'and the client sees the cut');
    my $access = fresh('access.log', qr/\n/);
    like($access, qr/^$path 200 300 error=$error /, 'the access log tells it');
    my ($id) = $access =~ /id=(\S+)/;
    like(fresh('error.log', qr/error worker/),
        qr/ error worker .* client 127\S+ listener \S+ "GET $path" -> 200, cut short upstream up server $up: \Q$text\E \(request \Q$id\E\)\n/,
        'and so does the error log');
}
get('/up/half');
like(fresh('error.log', qr/error worker/), qr/cut short .*(?:errno 104|300 of 1000)/, 'a reset too');
fresh('access.log', qr/half/);

# ---- attempts
{
    my $r = get('/mixed/x');
    $r = get('/mixed/x') if fresh('error.log', qr/warn/) !~ /warn/;
    is($r->{status}, 200, 'another server answers');
    is(get('/mixed/y')->{status}, 200, 'and again');
    like($w->read('error.log'), qr/ warn worker .*"GET \/mixed\/x" upstream mixed server $dead: the upstream refused the connection; Connection refused \(errno 111\); another server is tried \(request /,
        'the failed attempt has its line');
    fresh('error.log', qr/./);
}

# ---- what Weir answers itself: Proxy-Status, and what decided
my $long = 'x' x 2000;
my @own = (
    ["GET /dead HTTP/1.1\r\nHost: a\r\n\r\n", 502, 'connection_refused', qr/refused the connection; Connection refused \(errno 111\)/],
    ["GET /slow/head HTTP/1.1\r\nHost: a\r\n\r\n", 504, 'http_response_timeout', qr/timed out; timeouts\.read is 300ms \(/],
    ["GET /none HTTP/1.1\r\nHost: a\r\n\r\n", 404, 'destination_not_found', qr/no route/],
    ["GET /files/none HTTP/1.1\r\nHost: a\r\n\r\n", 404, 'http_request_error', qr/`try` found a file/],
    ["GET /files/secret HTTP/1.1\r\nHost: a\r\n\r\n", 403, 'http_request_denied', qr/refuses the file; Permission denied \(errno 13\)/],
    ["POST /files/a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 405, 'http_request_error', qr/only read/],
    ["GET /files/a.txt HTTP/1.1\r\nHost: a\r\nRange: bytes=999999-\r\n\r\n", 416, 'http_request_error', qr/no range/],
    ["GET / HTTP/1.1\r\nHost: a\r\nA b\r\n\r\n", 400, 'http_request_error', qr/field line without a colon/],
    ["GET / HTTP/1.1\r\nHost: a\r\nX: $long\r\n\r\n", 431, 'http_request_error', qr/head too large; request_head\.max_size is 1k/],
    ["GET /$long HTTP/1.1\r\nHost: a\r\n\r\n", 414, 'http_request_error', qr/request_head\.max_size is 1k/],
    ["GET / HTTP/1.1\r\nHost: a\r\n" . "X: y\r\n" x 8 . "\r\n", 431, 'http_request_error', qr/too many fields; request_head\.max_fields is 8/],
    ["POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n", 413, 'http_request_error', qr/too long; request_body\.max_size is 1k/],
    ["POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n$long\r\n", 413, 'http_request_error', qr/too long; request_body\.max_size is 1k/],
    ["GET / HTTP/1.1\r\nHost: a\r\n", 408, 'http_request_error', qr/timeouts\.client_header is 400ms/],
    ["POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nxx", 408, 'http_request_error', qr/timeouts\.client_body is 300ms; 2 bytes came/],
);
for (@own) {
    my ($bytes, $status, $error, $line) = @$_;
    my ($first) = $bytes =~ /^(.{1,30})/;
    my $r = ask($bytes);
    is($r->{status}, $status, "$first: $status");
    is(Weir::Client::header($r, 'Proxy-Status'), "weir; error=$error", 'with Proxy-Status');
    ok(Weir::Client::header($r, 'X-Request-Id'), 'and the request id');
    like(fresh('error.log', $line), qr/-> $status.*$line/, 'and what decided in the log');
}

# ---- what no server knows is the client's fault: no error of Weir's
for (["BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", 501, qr/unknown method/], ["GET / HTTP/9.9\r\nHost: a\r\n\r\n", 505, qr/version/],
    ["POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: brown\r\n\r\n", 501, qr/unknown transfer coding/]) {
    my ($bytes, $status, $why) = @$_;
    my $r = ask($bytes);
    is($r->{status}, $status, "status $status");
    is(Weir::Client::header($r, 'Proxy-Status'), 'weir; error=http_request_error', 'with Proxy-Status');
    like(fresh('error.log', $why), qr/ info worker .*-> $status.*$why/, 'at level info');
}

like($w->read('error.log'), qr/ error worker .*-> 403: the file system/, 'a file that cannot be read is an error');

# ---- a client that does not read
{
    fresh('access.log', qr/./);
    my $c = $w->client('http');
    $c->send("GET /flood HTTP/1.1\r\nHost: a\r\n\r\n");
    like(fresh('error.log', qr/client_send/), qr/the client took nothing of its answer; timeouts\.client_send is 600ms; \d+ bytes were sent/,
        'a spliced answer that is not read is given up');
    like(fresh('access.log', qr/\n/), qr/^\/flood 200 \d+ /, 'and over');
    $c->close;
}

# ---- a route without a name
fresh('access.log', qr/./);
for (['/re1', '~ ^/re[0-9]'], ['/dead', '= /dead'], ['/mixed/', '/mixed/'], ['/teapot', 'tea']) {
    my $r = get($_->[0]);
    is($r->{reason}, "I'm a teapot", 'reason of 418') if $r->{status} == 418;
    like(fresh('access.log', qr/\n/), qr/ route=\Q$_->[1]\E id/, "$_->[0]: the route's name or matcher");
}

# ---- clients for whom there is no room: one line, however many they are
{
    my $full = Weir->new(ports => [qw(http up)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
limits = { connections = 2; };
listeners = ( "127.0.0.1:{{http}}" );
upstreams = ( { name = "up"; servers = ( "127.0.0.1:{{up}}" ); } );
sites = ( { proxy = "up"; } );
CONF
    $full->upstream('up', {'*' => sub { $_[0]->send($half); select undef, undef, undef, 60; return 0 }});
    $full->start;
    $full->allow(qr/limits\.connections/);
    my @busy;
    for my $n (1 .. 3) {
        push @busy, $full->client('http');
        $busy[-1]->send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        like($busy[-1]->read_bytes(100), qr/^HTTP/, "client $n has a part of its answer");
    }
    for my $n (4 .. 8) {
        my $c = $full->client('http');
        ok($c->is_closed, "client $n is turned away");
    }
    is_deeply([map { /(limits\.connections.*)/ ? $1 : () } $full->log_lines],
        ['limits.connections (3 for this worker) is reached: 1 client is turned away'], 'said once');
    $_->reset for @busy;
    $full->stop_ok('TERM');
}

# ---- exchanges that Weir ends: the former generation after drain_timeout, and all when it is stopped at once
for my $end ('drain_timeout', 'process_ended') {
    $log{$_} = length $w->read($_) for 'access.log', 'error.log';
    my %asked;
    for my $path ('/cut/head', '/cut/body') {
        $asked{$path} = $w->client('http');
        $asked{$path}->send("GET $path HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    like($asked{'/cut/body'}->read_bytes(100), qr/^HTTP/, "$end: an answer has begun");
    if ($end eq 'drain_timeout') {
        is($w->run('-s', 'reload', '-c', '{{dir}}/weir.conf')->{exit}, 0, 'reload');
    } else {
        $w->allow(qr/cut/);
        $w->stop_ok('TERM', 'stopped at once');
    }
    my $access = '';
    Weir::wait_for(sub { $access .= fresh('access.log', qr/\n/); $access =~ m{/cut/head} && $access =~ m{/cut/body} }, 8);
    like($access, qr{^/cut/head - 0 error=$end }m, 'one that had no answer has its line in the access log, with the error');
    like($access, qr{^/cut/body 200 300 error=$end }m, 'one that had a part of it, too');
    my $errors = fresh('error.log', qr{(?:/cut/\w+.*){2}\n}s);
    my ($level, $why) = $end eq 'drain_timeout' ? ('warn', 'drain_timeout is over') : ('info', 'the process ends');
    like($errors, qr{ $level worker .*"GET /cut/head" upstream up server $up: $why; after \d+ ms \(request }, 'and in the error log');
    like($errors, qr{ $level worker .*"GET /cut/body" -> 200, cut short upstream up server $up: $why; after \d+ ms}, 'with what the client had');
    $_->close for values %asked;
}
done_testing;
