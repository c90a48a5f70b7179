#!/usr/bin/env perl

# Upstreams that fail in every way they can: what the client is told, how soon, and that
# the next request is not harmed by it.

use strict;
use warnings;
use FindBin qw($Bin);
use IO::Socket::INET;
use POSIX ();
use lib "$Bin/lib";
use Test::More;
use Time::HiRes qw(time);
use Weir;

my $w = Weir->new(ports => [qw(http up gone early)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; } );
upstreams = (
  { name = "up"; servers = ( { address = "127.0.0.1:{{up}}"; } ); },
  { name = "early"; servers = ( { address = "127.0.0.1:{{early}}"; } ); },
  { name = "gone"; servers = ( { address = "127.0.0.1:{{gone}}"; } ); },
  { name = "down"; servers = ( { address = "127.0.0.1:{{up}}"; down = true; } ); }
);
sites = ( { name = "all"; routes = (
  { prefix = "/gone"; proxy = "gone"; },
  { prefix = "/early"; proxy = "early"; },
  { prefix = "/down"; proxy = "down"; },
  { prefix = "/hang"; proxy = "up"; timeouts = { read = "300ms"; }; },
  { prefix = "/"; proxy = "up"; } ); } );
CONF
my %raw = (
    '/lengths'  => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    '/both'     => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    '/status'   => "HTTP/1.1 1000 No\r\nContent-Length: 0\r\n\r\n",
    '/switch'   => "HTTP/1.1 101 Up\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    '/chunk'    => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    '/interims' => ("HTTP/1.1 102 Processing\r\n\r\n" x 17) . "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    '/head'     => "HTTP/1.1 200 OK\r\nX: " . ('x' x 70_000) . "\r\n\r\n",
    '/interim-length' => "HTTP/1.1 103 E\r\nContent-Length: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
);
my $up = $w->upstream('up', {
    (map { my $bytes = $raw{$_}; $_ => {do => 'fixed', bytes => $bytes} } keys %raw),
    '/surplus' => {do => 'fixed', bytes => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"},
    '/garbage' => 'garbage',
    '/hang'    => 'hang',
    '/reset'   => 'reset',
    '/reset-late' => {do => 'reset', after => "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"},
    '/partial' => {do => 'partial', body => 'x' x 1000},
    '/dribble' => {do => 'dribble', body => 'slowly', gap => 0.002},
    '/once' => sub {    # closes after its answer, without saying so
        my ($conn) = @_;
        $conn->send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nonce");
        return 0;
    },
    '/fixed' => {do => 'fixed', body => 'fixed'},
    '*'      => 'echo',
});

# Answers when it has the head, and reads nothing of the body.
sub early_server {
    my ($port) = @_;
    my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $port, Listen => 5, ReuseAddr => 1)
        or die "port $port: $!";
    my $pid = fork // die "fork: $!";
    return $pid if $pid;
    alarm 60;
    while (my $conn = $listener->accept) {
        my $head = '';
        sysread $conn, $head, 1, length $head until $head =~ /\r\n\r\n/;
        syswrite $conn, "HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno";
        select undef, undef, undef, 0.3;
    }
    POSIX::_exit(0);
}
my $early = early_server($w->port('early'));

$w->start;
$w->allow(qr/-> 5\d\d|upstream|client/);

my $c = $w->client('http');

sub ask {
    my ($method, $path, $body) = @_;
    $c->send(Weir::Client::request_bytes($method, $path, [], $body));
    my $r = $c->read_response(method => $method);
    $c = $w->client('http') if $r->{error} || lc(Weir::Client::header($r, 'Connection') // '') eq 'close';
    return $r;
}

sub probe {
    my ($after) = @_;
    is(ask('GET', '/fixed')->{body}, 'fixed', "after $after the next request gets its own answer");
}

for my $path (sort(keys %raw), '/garbage', '/reset') {
    my $r = ask('GET', $path);
    if ($path eq '/chunk' && $r->{status} == 200) {
        ok($r->{error}, "$path: the client sees that the body is cut");
    } else {
        is($r->{status}, 502, "$path: 502");
        like(Weir::Client::header($r, 'Proxy-Status') // '', qr/error=/, 'with the cause');
    }
    probe($path);
}
for (1, 2) {
    is(ask('GET', '/surplus')->{body}, 'ok', 'an answer with something behind it stands');
    probe('/surplus');
}
for my $path ('/partial', '/reset-late') {
    my $r = ask('GET', $path);
    ok($r->{error} || $r->{status} == 502, "$path: the client sees that the answer is cut");
    probe($path);
}
{
    my $before = time;
    my $r = ask('GET', '/hang');
    my $took = time - $before;
    is($r->{status}, 504, 'no answer: 504');
    ok($took > 0.25 && $took < 20, "at the timeout ($took s)");
    like(Weir::Client::header($r, 'Proxy-Status') // '', qr/http_response_timeout/, 'with the cause');
    probe('/hang');
}
{
    my $r = ask('GET', '/gone');
    is($r->{status}, 502, 'nobody there: 502');
    like(Weir::Client::header($r, 'Proxy-Status') // '', qr/connection_refused/, 'with the cause');
    $r = ask('GET', '/down');
    is($r->{status}, 503, 'no server may be used: 503');
    ok(Weir::Client::header($r, 'Retry-After'), 'with Retry-After');
    probe('/gone');
}
is(ask('GET', '/dribble')->{body}, 'slowly', 'an answer byte by byte');
for my $i (1 .. 20) {
    is(ask('GET', '/once')->{body}, 'once', "a connection closed after its answer, GET $i");
}
# A POST goes out once: it has to find the connection closed before it is sent.
for my $i (1 .. 10) {
    select undef, undef, undef, 0.05;
    is(ask('POST', '/once', 'body')->{body}, 'once', "and POST $i");
}
{
    my $n = grep { ($_->{target} // '') eq '/once' } $up->seen;
    is($n, 30, 'no request was seen twice');
}
{
    $c->send("POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" . 'x' x 100);
    my $r = $c->read_response;
    is($r->{status}, 401, 'an answer before the end of the body is relayed');
    is($r->{body}, 'no', 'whole');
    $c = $w->client('http');
    probe('/early');
}
{
    my $gone = $w->client('http');
    $gone->send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    $gone->read_response;
    $gone->send("GET /hang/not HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    $gone->reset;
    probe('a client that is gone');
}

$c->close;
kill TERM => $early;
waitpid $early, 0;
$w->stop_ok;
done_testing;
