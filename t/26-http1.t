#!/usr/bin/env perl

# HTTP/1 towards clients: what a connection goes through, with requests as they come in
# life and as they should not.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Weir;

my $w = Weir->new(ports => [qw(http short up)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = (
  { address = "127.0.0.1:{{http}}"; },
  { address = "127.0.0.1:{{short}}"; timeouts = { client_header = "300ms"; keepalive = "300ms"; };
    request_head = { max_size = "2k"; max_fields = 10; }; }
);
upstreams = ( { name = "up"; servers = ( { address = "127.0.0.1:{{up}}"; } ); } );
sites = ( { name = "all"; routes = (
  { exact = "/hello"; respond = { body = "hello"; }; },
  { exact = "/small"; proxy = "up"; request_body = { max_size = "1k"; }; },
  { exact = "/slow-body"; proxy = "up"; timeouts = { client_body = "300ms"; }; },
  { prefix = "/"; proxy = "up"; } ); } );
CONF
my $up = $w->upstream('up', {
    '/fixed' => {do => 'fixed', body => 'fixed'},
    '/big'   => {do => 'fixed', body => 'x' x 3_000_000},
    '/early' => sub {
        my ($conn) = @_;
        $conn->send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        return 1;
    },
    '/chunks' => sub {
        my ($conn) = @_;
        $conn->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nfirst\r\n6\r\nsecond\r\n0\r\nX-T: 1\r\n\r\n");
        return 1;
    },
    '*' => 'echo',
});
$w->start;
$w->allow(qr/-> 4\d\d|-> 5\d\d|client/);

sub fresh { return $w->client($_[0] // 'http') }

{
    my $c = fresh();
    $c->send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    is($c->read_response->{status}, 400, 'TLS where it is not spoken');
    ok($w->wait_log(qr/TLS where HTTP in the clear is spoken/), 'is called by its name');
}
{
    my $c = fresh();
    for my $i (1 .. 3) {
        $c->send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
        my $r = $c->read_response;
        is($r->{body}, 'hello', "request $i on one connection");
        is(Weir::Client::header($r, 'Connection'), undef, 'which is kept without saying so');
    }
    $c->send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    is($c->read_response->{body}, 'hello', 'the last one');
    ok($c->is_closed, 'closes when asked to');
}
{
    my $c = fresh();
    $c->send(join '', map { "GET /echo/$_ HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n" } 1 .. 200);
    my @r = $c->read_responses(400);
    is(scalar(@r), 400, '400 pipelined requests are all answered');
    is((grep { $r[2 * $_ - 2]{body} =~ m{^GET /echo/$_ } } 1 .. 200), 200, 'each with its own answer, in order');
}
{
    my $c = fresh();
    my $body = 'b' x 5000;
    $c->send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n$body"
        . "POST /b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"
        . "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", piece => 700);
    my @r = $c->read_responses(3);
    like($r[0]{body}, qr/b{5000}$/, 'a body of known length');
    like($r[1]{body}, qr/\r\n5\r\nabcde\r\n0\r\n\r\n$/, 'a chunked body, without its extension and trailer');
    is($r[2]{body}, 'hello', 'and what follows');
}
{
    my $c = fresh();
    $c->send("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
    like($c->read_some, qr{^HTTP/1\.1 100 }, 'the body is asked for');
    $c->send('body');
    my $r = $c->read_response;
    like($r->{body}, qr/body$/, 'and forwarded');
    unlike($r->{body}, qr/^Expect:/mi, 'without Expect');
}
{
    my $c = fresh();
    $c->send("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 4000\r\nExpect: 100-continue\r\n\r\n");
    my $r = $c->read_response;
    is($r->{status}, 413, 'a body over the limit is refused before it is sent');
    is(scalar @{ $r->{interim} // [] }, 0, 'and not asked for');
}
{
    my $c = fresh();
    $c->send("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n800\r\n" . 'c' x 2048 . "\r\n");
    is($c->read_response->{status}, 413, 'a chunked body that grows over the limit');
}
{
    my $c = fresh();
    $c->send("HEAD /fixed HTTP/1.1\r\nHost: a\r\n\r\nGET /fixed HTTP/1.1\r\nHost: a\r\n\r\n");
    my $head = $c->read_response(method => 'HEAD');
    is($head->{body} // '', '', 'HEAD has no body');
    is($c->read_response->{body}, 'fixed', 'and the next answer is in its place');
}
{
    my $c = fresh();
    $c->send("GET /early HTTP/1.1\r\nHost: a\r\n\r\n");
    my $r = $c->read_response;
    is($r->{interim}[0]{status}, 103, 'early hints are relayed');
    is($r->{body}, 'ok', 'before the answer');
}
{
    my $c = fresh();
    $c->send("GET /chunks HTTP/1.1\r\nHost: a\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    is($c->read_response->{body}, 'firstsecond', 'a chunked answer is chunked anew');
    is($c->read_response->{body}, 'hello', 'and ends where it should');
    my $old = fresh();
    $old->send("GET /chunks HTTP/1.0\r\nHost: a\r\n\r\n");
    my $r = $old->read_response;
    is($r->{body}, 'firstsecond', 'HTTP/1.0 gets it without chunks');
    ok($r->{until_close} || defined Weir::Client::header($r, 'Content-Length'), 'and can tell where it ends');
}
{
    my $c = fresh();
    $c->send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    select undef, undef, undef, 0.3;
    is(length $c->read_response->{body}, 3_000_000, 'a slow reader gets all of a large answer');
}
{
    my $c = fresh();
    $c->send("GET /fixed HTTP/1.1\r\nHost: a\r\n\r\n");
    $c->shut;
    is($c->read_response->{body}, 'fixed', 'a client that shut its sending side is answered');
    ok($c->is_closed, 'and the connection ends');
}
{
    my $c = fresh('short');
    $c->send("GET /hello HTTP/1.1\r\nHo");
    my $r = $c->read_response(timeout => 3);
    is($r && $r->{status}, 408, 'half a head is answered when its time is over');
    ok($c->is_closed, 'and the connection closed');
    my $idle = fresh('short');
    ok($idle->is_closed, 'a silent client is closed without a word');
    is((fresh('short')->send("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n") && 1), 1, 'others are served');
}
for my $case (
    ["GET /" . 'a' x 3000 . " HTTP/1.1\r\nHost: a\r\n\r\n", qr/^(414|431)$/, 'a target over the limit'],
    ["GET / HTTP/1.1\r\nHost: a\r\nX: " . 'b' x 3000 . "\r\n\r\n", qr/^431$/, 'a head over the limit'],
    ["GET / HTTP/1.1\r\nHost: a\r\n" . join('', map {"X-$_: 1\r\n"} 1 .. 20) . "\r\n", qr/^431$/, 'too many fields'],
    ["GET / HTTP/1.1\r\n\r\n", qr/^400$/, 'no Host'],
    ["GET / HTTP/2.0\r\nHost: a\r\n\r\n", qr/^505$/, 'another version'],
    ["CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", qr/^405$/, 'CONNECT'],
    ["BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", qr/^501$/, 'an unknown method'],
    ["GET / HTTP/1.1\r\nHost: a\r\nExpect: beer\r\n\r\n", qr/^417$/, 'another expectation'],
) {
    my ($bytes, $status, $name) = @$case;
    my $c = fresh('short');
    $c->send($bytes);
    my $r = $c->read_response;
    like($r ? $r->{status} : 'nothing', $status, $name);
    ok($c->is_closed, "$name: closed") if $name !~ /expectation/;
}
{
    my $c = fresh();
    $c->send("POST /slow-body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    is($c->read_response(timeout => 3)->{status}, 408, 'a body that does not come');
}
{
    my $before = () = $up->seen;
    my $c = fresh();
    $c->send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc");
    $c->close;
    is($w->get('http', '/hello')->{body}, 'hello', 'a client that leaves in the middle of its body disturbs nobody');
}

$w->stop_ok;
done_testing;
