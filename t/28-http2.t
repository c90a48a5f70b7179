#!/usr/bin/env perl

# HTTP/2 with clients that know it beforehand: what well-behaved ones get, what the
# others meet, and that nobody else notices. Over TLS it is the same code.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw(time);
use Weir;
use Weir::Client qw(request_bytes);
use Weir::H2;
use Weir::Tls;
use Weir::Hpack qw(encode integer);

my $w = Weir->new(ports => [qw(admin tls h2 h1 slow app ws hang deaf)], conf => <<'CONF');
workers = 1;
pid_file = "{{dir}}/weir.pid";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
drain_timeout = "3s";
control = "unix:{{dir}}/control.sock";
listeners = (
  { address = "127.0.0.1:{{admin}}"; admin = true; },
  { address = "127.0.0.1:{{h2}}"; http2 = true; },
  { address = "127.0.0.1:{{h1}}"; },
  { address = "127.0.0.1:{{tls}}"; tls = { certificates = ( { cert = "{{dir}}/a.pem"; key = "{{dir}}/a.key"; } ); }; },
  { address = "127.0.0.1:{{slow}}"; http2 = true;
    timeouts = { client_header = "700ms"; keepalive = "700ms"; };
    request_head = { max_fields = 20; max_size = "4k"; }; }
);
upstreams = (
  { name = "app"; servers = [ "127.0.0.1:{{app}}" ]; },
  { name = "ws"; servers = [ "127.0.0.1:{{ws}}" ]; },
  { name = "hang"; servers = [ "127.0.0.1:{{hang}}" ]; },
  { name = "deaf"; servers = [ "127.0.0.1:{{deaf}}" ]; }
);
sites = ( { name = "a"; access_log = { path = "{{dir}}/access.log"; format = "$protocol $method $uri $status"; buffer = 0; };
  routes = (
    { exact = "/text"; respond = { body = "text\n"; }; },
    { exact = "/ws"; proxy = "ws"; timeouts = { tunnel = "60s"; }; },
    { exact = "/quiet"; proxy = "ws"; timeouts = { tunnel = "500ms"; }; },
    { prefix = "/hang"; proxy = "hang"; },
    { prefix = "/deaf"; proxy = "deaf"; request_body = { buffer = "stream"; max_size = "64m"; }; },
    { exact = "/body"; proxy = "hang"; timeouts = { client_body = "500ms"; }; },
    { prefix = "/files/"; root = "{{dir}}/www"; strip_prefix = "/files"; },
    { prefix = "/small"; proxy = "app"; request_body = { max_size = "10k"; }; },
    { prefix = "/thin"; proxy = "app"; request_body = { max_size = "10k"; buffer = "stream"; }; },
    { prefix = "/"; proxy = "app"; request_body = { buffer = "stream"; max_size = "64m"; }; timeouts = { client_send = "1500ms"; }; } ); } );
CONF

my $early = "HTTP/1.1 103 Early Hints\r\nLink: </s.css>; rel=preload\r\n\r\n";
my $long  = join '', map { sprintf "%07d\n", $_ } 1 .. 40_000;
my $app   = $w->upstream('app', {
    '/hints' => {do => 'fixed', bytes => "${early}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"},
    '/empty' => {do => 'fixed', bytes => "HTTP/1.1 204 No Content\r\n\r\n"},
    '/hop'   => {do => 'fixed', headers => ['Keep-Alive' => 'timeout=5', 'X-Mixed-Case' => 'Yes'], body => 'hop'},
    '/part'  => {do => 'partial', body => 'x' x 1000},
    '/long'  => {do => 'fixed', body => $long},
    '/huge'  => {do => 'fixed', body => 'h' x 20_000_000},
    '/a'     => {do => 'fixed', body => 'a' x 60_000},
    '/b'     => {do => 'fixed', body => 'b' x 60_000},
    '*'      => 'echo',
});
my $ws   = $w->upstream('ws', 'websocket');
my $hang = $w->upstream('hang', 'hang');
my $deaf = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => $w->port('deaf')) or die "deaf: $!";
mkdir $w->dir . '/www';
Weir::Tls->certificate($w->dir, 'a', hosts => ['a.test']);
my $file = join '', map { pack 'N', $_ } 1 .. 200_000;
$w->write('www/file.bin', $file);
$w->allow(qr/-> [45]\d\d|cut short|the HTTP\/2 connection ends|the stream is reset|took nothing|tunnel was silent/);
$w->start;

sub h2 { my ($port, %o) = @_; return Weir::H2->new(port => $w->port($port), %o) }

# The service is there, for a new client and for one that speaks HTTP/1.
sub lives {
    my ($what) = @_;
    my $c = h2('h2');
    my $r = $c->response($c->request(GET => '/text'));
    is($r && $r->{body}, "text\n", "$what: others are served");
    $c->close;
    return;
}

# ---- what a request becomes, and its answer

my $c = h2('h2', windows => 1);
{
    my $r = $c->response($c->request(GET => '/echo?q=1', [cookie => 'a=1', 'x-a' => 'b', cookie => 'c=2', cookie => 'd']));
    is($r->{status}, 200, 'GET through the proxy');
    like($r->{body}, qr{^GET /echo\?q=1 HTTP/1\.1\r\nHost: a\.test\r\n}, 'a server sees HTTP/1.1 and Host');
    like($r->{body}, qr{^Cookie: a=1; c=2; d\r$}m, 'crumbs are one Cookie');
    like($r->{body}, qr{^Via: 2\.0 weir\r$}m, 'Via');
    is_deeply([grep { $_->[0] =~ /[A-Z]/ } @{$r->{headers}}], [], 'names of the answer are in lower case');
    is(Weir::H2::header($r, 'content-length'), length $r->{body}, 'Content-Length');
    is($c->{settings}{3}, 128, 'streams at a time');
    is($c->{settings}{8}, 1, 'extended CONNECT is told of');
    is($c->{settings}{9}, 1, 'priorities are those of RFC 9218');

    $r = $c->response($c->request(HEAD => '/long'));
    is_deeply([@$r{qw(status body)}, Weir::H2::header($r, 'content-length')], [200, '', length $long], 'HEAD');
    $r = $c->response($c->request(GET => '/empty'));
    is_deeply([@$r{qw(status body)}, Weir::H2::header($r, 'content-length')], [204, '', undef], 'no content');
    $r = $c->response($c->request(GET => '/hop'));
    is(Weir::H2::header($r, 'x-mixed-case'), 'Yes', 'a field of the server');
    is(Weir::H2::header($r, 'keep-alive'), undef, 'but none of its connection');
    $r = $c->response($c->request(GET => '/hints'));
    is_deeply([map { $_->{status} } @{$r->{interim}}], [103], '103 goes on');
    is($r->{body}, 'ok', 'in front of the answer');
    is($c->response($c->request(GET => '/long'))->{body}, $long, 'a long answer');
    is($c->response($c->request(GET => '/files/file.bin'))->{body}, $file, 'a file');
    $r = $c->response($c->request(GET => '/files/file.bin', [range => 'bytes=4-11']));
    is_deeply([@$r{qw(status body)}], [206, pack 'NN', 2, 3], 'a part of it');
    $r = $c->response($c->request(GET => '/part'));
    is($r->{reset}, Weir::H2::INTERNAL_ERROR, 'an answer that is cut is seen to be so');
}

my @ids = map { $c->request(GET => "/echo/$_", [cookie => "n=$_"]) } 1 .. 100;
is(scalar(grep { my $r = $c->response($ids[$_]); $r && $r->{body} =~ m{^GET /echo/@{[$_ + 1]} } } 0 .. 99), 100,
    'a hundred at once, each its own answer');

# ---- bodies

{
    my $r = $c->response($c->request(POST => '/up', ['content-length' => 5], 'hello'));
    like($r->{body}, qr{^Content-Length: 5\r\n.*hello\z}ms, 'a body with its length');
    my $id = $c->request(POST => '/up', [], \1);
    $c->data($id, 'one ');
    $c->data($id, 'two', 1);
    like($c->response($id)->{body}, qr{\r\n\r\n(?:one two|4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n)\z}, 'and without');
    $id = $c->request(POST => '/up', ['content-length' => 3], \1);
    $c->frame(DATA => Weir::H2::PADDED, $id, "\x05abc" . "\0" x 5);
    $c->headers($id, ['x-sum' => '1'], 1);
    like($c->response($id)->{body}, qr{\r\n\r\nabc\z}, 'padding and trailers are dropped');

    my $upload = 'u' x 1_000_000;
    $id = $c->request(POST => '/up', ['content-length' => length $upload], \1);
    my ($sent, $window) = (0, $c->{settings}{4});
    while ($sent < length $upload) {
        my $frame = $c->read_frame(0.002);
        $window += unpack 'N', $frame->{payload} if $frame && $frame->{type} eq 'WINDOW_UPDATE' && $frame->{stream} == $id;
        my $n = $window < 16384 ? $window : 16384;
        $n = length($upload) - $sent if $n > length($upload) - $sent;
        next if $n == 0;
        $c->data($id, substr($upload, $sent, $n), $sent + $n == length $upload);
        $sent   += $n;
        $window -= $n;
    }
    is(length(($c->response($id)->{body} =~ /\r\n\r\n(u+)\z/)[0] // ''), length $upload, 'a long body, window by window');

    # A server that reads nothing: what it does not take must not be asked for.
    my $stuck = h2('h2');
    $id = $stuck->request(POST => '/deaf', ['content-length' => 60_000_000], \1);
    $stuck->until(sub { $stuck->{settings}{4} });
    ($sent, $window) = (0, $stuck->{settings}{4});
    while ($sent < 60_000_000) {
        my $n = $window < 16384 ? $window : 16384;
        if ($n > 0) {
            $stuck->data($id, 'x' x $n);
            $sent   += $n;
            $window -= $n;
            next if $window > 0;
        }
        my $frame = $stuck->read_frame(1) or last;
        $window += unpack 'N', $frame->{payload} if $frame->{type} eq 'WINDOW_UPDATE' && $frame->{stream} == $id;
    }
    cmp_ok($sent, '<', 30_000_000, 'who sends faster than the server takes has to wait');
    ok(!defined $stuck->_stream($id)->{reset}, 'and is not blamed');
    $stuck->close;

    my $e = h2('h2');
    $id = $e->request(POST => '/up', ['content-length' => 2, expect => '100-continue'], \1);
    $e->until(sub { @{$e->_stream($id)->{interim}} });
    is($e->_stream($id)->{interim}[0]{status}, 100, '100 (Continue) when the body is wanted');
    $e->data($id, 'ok', 1);
    is($e->response($id)->{status}, 200, 'which is then sent');
    is($e->response($e->request(POST => '/up', [expect => 'tea'], 'x'))->{status}, 417, 'another expectation');
    $id = $e->request(POST => '/small', [], \1);
    $e->data($id, 'y' x 16000);
    $r = $e->response($id);
    is($r->{status}, 413, 'an answer before the body is over');
    ok($e->until(sub { defined $r->{reset} }), 'ends it');
    is($r->{reset}, Weir::H2::NO_ERROR, 'without blame');
    $id = $e->request(POST => '/body', [], \1);
    $e->data($id, 'z');
    is($e->response($id)->{status}, 408, 'a body that does not come');
    $e->close;
}

# ---- answered before the body is over (RFC 9113 8.1): the whole answer, then RST_STREAM without blame; what was sent in vain
# is given back to the connection's window, also what comes after that

{
    my $e = h2('h2');
    my ($connection, $sent) = (65535, 0);
    my ($stream, $id) = (0, 0);
    # Reads one frame, if one comes in time, into the windows.
    my $read = sub {
        my $f = $e->read_frame(shift) or return 0;
        my $more = $f->{type} eq 'WINDOW_UPDATE' ? unpack 'N', $f->{payload} : 0;
        $connection += $more if $f->{stream} == 0;
        $stream     += $more if $f->{stream} == $id;
        return 1;
    };
    my $put = sub {
        my ($n) = @_;
        $e->data($id, 'w' x $n);
        $_ -= $n for $connection, $stream;
        $sent += $n;
    };
    $read->(1) while !$e->{settings}{4};
    my %count;
    for my $path (('/small', '/text') x 6) {
        $id     = $e->request(POST => $path, [], \1);
        $stream = $e->{settings}{4};
        my $r     = $e->_stream($id);
        my $until = time + 20;
        while (!defined $r->{reset} && time < $until) {
            my $n = (sort { $a <=> $b } 16384, $stream, $connection)[0];
            $n > 0 ? $put->($n) : $read->(1);
            1 while $read->(0.002);
        }
        $stream = 20_000;    # what was under way
        $put->(10_000) if $connection >= 10_000;
        $count{join ' ', $path, $r->{status} // 'nothing', $r->{end} ? 'whole' : 'part', $r->{reset} // 'goes on'}++;
    }
    is_deeply(\%count, {'/small 413 whole 0' => 6, '/text 200 whole 0' => 6}, 'early answers are whole, then the stream is reset');
    cmp_ok($sent, '>', 10 * 262_144, 'many times the window was sent');
    ok(Weir::wait_for(sub { 1 while $read->(0.01); $connection >= 131_072 }), 'and came back') or diag($connection);
    is($e->response($e->request(POST => '/up', [], 'x' x 16_000))->{status}, 200, 'the connection takes more');
    is($e->{goaways}, undef, 'and is not blamed');
    $e->close;
}

# ---- requests that are none: the stream is reset, and nothing reaches a server

sub pseudo { my (%o) = @_; return map { defined $o{$_} ? ($_ => $o{$_}) : () } qw(:method :scheme :authority :path) }
my %good = (':method' => 'GET', ':scheme' => 'http', ':authority' => 'a.test', ':path' => '/bad');
my @base = pseudo(%good);
my @malformed = (
    ['no :method', [pseudo(%good, ':method' => undef)]],
    ['no :path', [pseudo(%good, ':path' => undef)]],
    ['no :scheme', [pseudo(%good, ':scheme' => undef)]],
    ['an empty :path', [pseudo(%good, ':path' => '')]],
    [':path without slash', [pseudo(%good, ':path' => 'bad')]],
    [':path with a space', [pseudo(%good, ':path' => '/bad x')]],
    [':path with a fragment', [pseudo(%good, ':path' => '/bad#x')]],
    [':path with a line', [pseudo(%good, ':path' => "/bad\r\nX: y")]],
    [':method with a space', [pseudo(%good, ':method' => 'GET /x')]],
    [':scheme of another kind', [pseudo(%good, ':scheme' => 'ftp')]],
    [':path twice', [@base, ':path' => '/bad']],
    ['an unknown pseudo-field', [@base, ':x' => 'y']],
    [':status', [@base, ':status' => '200']],
    ['a pseudo-field behind a field', [@base[0 .. 5], 'x-a' => 'b', @base[6, 7]]],
    ['upper case', [@base, 'X-A' => 'b']],
    ['an empty name', [@base, '' => 'b']],
    ['a name with a space', [@base, 'x a' => 'b']],
    ['a name with a colon', [@base, 'x:a' => 'b']],
    ['a value with CR LF', [@base, 'x-a' => "b\r\nx-c: d"]],
    ['a value with NUL', [@base, 'x-a' => "b\0c"]],
    ['a value with a space in front', [@base, 'x-a' => ' b']],
    ['a value with a tab behind', [@base, 'x-a' => "b\t"]],
    ['two hosts', [@base[0 .. 3], @base[6, 7], host => 'a.test', host => 'a.test']],
    ['Connection', [@base, connection => 'close']],
    ['Keep-Alive', [@base, 'keep-alive' => '1']],
    ['Proxy-Connection', [@base, 'proxy-connection' => 'close']],
    ['Transfer-Encoding', [@base, 'transfer-encoding' => 'chunked']],
    ['Upgrade', [@base, upgrade => 'h2c']],
    ['TE', [@base, te => 'gzip']],
    ['TE with more than trailers', [@base, te => 'trailers, gzip']],
    ['Content-Length without a body', [@base, 'content-length' => 5]],
    ['Content-Length with a sign', [@base, 'content-length' => '+0']],
    ['two Content-Lengths', [@base, 'content-length' => 0, 'content-length' => 0]],
    [':protocol without CONNECT', [@base, ':protocol' => 'websocket']],
    ['CONNECT with :path', [pseudo(%good, ':method' => 'CONNECT')]],
);
for my $case (@malformed) {
    my ($what, $fields) = @$case;
    my $bad = h2('h2');
    $bad->headers(1, $fields, 1);
    my $r    = $bad->response(1, 3);
    my $away = $bad->{goaways} ? $bad->{goaways}[0]{error} : undef;
    is($r ? $r->{reset} : $away, Weir::H2::PROTOCOL_ERROR, "$what is refused");
    $bad->close;
}
my @answered = (
    ['Host that :authority contradicts', [@base, host => 'b.test'], 400],
    [':authority with a user', [pseudo(%good, ':authority' => 'u@a.test')], 400],
    ['above the root', [pseudo(%good, ':path' => '/../bad')], 400],
    ['a NUL in the path', [pseudo(%good, ':path' => '/bad%00')], 400],
    ['an unknown method', [pseudo(%good, ':method' => 'GRAB')], 501],
    ['TRACE', [pseudo(%good, ':method' => 'TRACE')], 405],
    ['CONNECT', [':method' => 'CONNECT', ':authority' => 'a.test:443'], 405],
    ['CONNECT for another protocol', [pseudo(%good, ':method' => 'CONNECT'), ':protocol' => 'connect-udp'], 501],
    ['too many fields', [@base, map { ("x-$_" => 'y') } 1 .. 200], 431],
    ['too many crumbs', [@base, map { (cookie => 'a') } 1 .. 200], 431],
    ['too much of them', [@base, map { ("x-$_" => 'y' x 900) } 1 .. 90], 431],
);
for my $case (@answered) {
    my ($what, $fields, $status) = @$case;
    my $r = $c->response(do { $c->headers($c->{next}, $fields, 1); $c->{next} += 2; $c->{next} - 2 }, 3);
    is($r && $r->{status}, $status, "$what: $status");
}
is($c->response($c->request(GET => '/echo', [te => 'trailers']))->{status}, 200, 'TE: trailers may be said');
{
    my $r = $c->response($c->request(GET => '/echo', [host => 'A.test']));
    is($r->{status}, 200, 'Host and :authority may agree');
    is(scalar(() = $r->{body} =~ /^Host:/gm), 1, 'and are told once');
}

# What the body and Content-Length disagree on (RFC 9113 8.1.1).
for my $case (['too short', 10, 'short', undef], ['too long', 3, 'longer', undef], ['too short, with trailers', 10, 'short', 1]) {
    my ($what, $length, $body, $trailers) = @$case;
    my $bad = h2('h2');
    my $id  = $bad->request(POST => '/bad/length', ['content-length' => $length], \1);
    $bad->data($id, $body, !$trailers);
    $bad->headers($id, ['x-sum' => 1], 1) if $trailers;
    is($bad->response($id)->{reset}, Weir::H2::PROTOCOL_ERROR, "a body that is $what");
    $bad->close;
}
is(scalar(grep { $_->{target} =~ /bad/ && $_->{complete} } $app->seen), 0, 'none of these reached the server whole');
{
    my $id = $c->request(POST => '/up', [], \1);
    $c->data($id, 'x');
    $c->headers($id, [':path' => '/x'], 1);
    is($c->response($id)->{reset}, Weir::H2::PROTOCOL_ERROR, 'a pseudo-field in trailers');
    $id = $c->request(POST => '/up', [], \1);
    $c->data($id, 'x');
    $c->headers($id, [connection => 'close'], 1);
    is($c->response($id)->{reset}, Weir::H2::PROTOCOL_ERROR, 'a field of the connection in trailers');
}

# ---- windows: nothing is sent that the client did not allow

{
    my $s  = h2('h2', settings => [4 => 0]);
    my $id = $s->request(GET => '/long');
    is($s->head($id)->{status}, 200, 'a head needs no window');
    $s->until(sub { 0 }, 0.2);
    is($s->_stream($id)->{body}, '', 'a body does');
    $s->window($id, 10);
    $s->until(sub { length $s->_stream($id)->{body} });
    is($s->_stream($id)->{body}, substr($long, 0, 10), 'so much of it');
    is($s->response($s->request(GET => '/empty'))->{status}, 204, 'others go on meanwhile');
    $s->window(0, 2**20);
    $s->window($id, 2**20);
    is($s->response($id)->{body}, $long, 'then all');
    $s->close;

    # Who is asked first may come last: urgency decides (RFC 9218).
    my $p = h2('h2', settings => [4 => 2**20]);
    $p->response($p->request(GET => '/a'));    # little is left of the connection's window
    my $low  = $p->request(GET => '/a', [priority => 'u=7']);
    my $high = $p->request(GET => '/b', [priority => 'u=0']);
    $p->head($_) for $low, $high;
    $p->until(sub { 0 }, 0.2);    # both are here
    $p->window(0, 2**20);
    $p->until(sub { $p->_stream($high)->{end} });
    my $first = length($p->_stream($low)->{body});
    ok($p->_stream($high)->{end} && $first < 60_000, 'the urgent one ends first') or diag $first;
    $p->response($low);
    $p->close;

    my $idle = h2('slow', settings => [4 => 0]);
    my $a    = $idle->request(GET => '/long');
    my $until = time + 5;
    while (!$idle->{goaways} && time < $until) {
        $idle->frame(PING => 0, 0, 'x' x 8);
        $idle->until(sub { $idle->{goaways} }, 0.05);
    }
    is($idle->_stream($a)->{reset}, Weir::H2::CANCEL, 'an answer that is never taken is given up');
    ok($idle->{goaways}, 'and a client without another is told to go, whatever it asks');
    ok($idle->is_closed, 'and goes');
}

# ---- an answer of which nothing is taken has its time, whatever becomes of others

sub metric {
    my ($name) = @_;
    return $w->get('admin', '/metrics', headers => [Host => 'localhost'])->{body} =~ /^\Q$name\E (\d+)$/m ? $1 : undef;
}
my $stalled = metric('weir_http2_stalled_total');
for my $case (['nothing', 0], ['a byte now and then', 1]) {
    my ($what, $window) = @$case;
    my $s     = h2('h2', settings => [4 => 0]);
    my $ends  = grep { $_->{event} eq 'close' } $app->seen(all => 1);
    my $stuck = $s->request(GET => '/huge');
    my ($until, $others) = (time + 8, 0);
    $s->window(0, 2**30);
    while (!defined $s->_stream($stuck)->{reset} && time < $until) {
        my $id = $s->request(GET => '/a');
        $s->window($id,    100_000);
        $s->window($stuck, $window) if $window;
        $others += length $s->response($id)->{body} if $s->response($id);
        $s->read_frame(0.05);
    }
    is($s->_stream($stuck)->{reset}, Weir::H2::CANCEL, "who takes $what of an answer loses it");
    cmp_ok($others, '>', 60_000, 'others are taken meanwhile');
    ok(!$s->{goaways}, 'and the connection stays');
    ok(Weir::wait_for(sub { $ends < grep { $_->{event} eq 'close' } $app->seen(all => 1) }), 'the server is let go');
    is($s->response($s->request(GET => '/empty'))->{status}, 204, 'a new request is answered');
    $s->close;
}
is(metric('weir_http2_stalled_total'), $stalled + 2, 'they are counted');
like(join("\n", $w->log_lines), qr{GET /huge".*client took nothing of its answer; timeouts\.client_send is \S+; 0 bytes}, 'and logged');
{
    my $s  = h2('h2', settings => [4 => 2**20]);
    my $id = $s->request(GET => '/huge');
    my $in = $s->request(POST => '/hang', [], \1);
    is($s->goaway, Weir::H2::ENHANCE_YOUR_CALM, "who lets the connection's window stay shut is told to go");
    $s->close;

    # One byte of the connection's window, then one of the stream's: neither may begin the other's time anew.
    {
        my $turns = h2('h2', settings => [4 => 2**20]);
        my $taken = $turns->request(GET => '/huge');
        my $until = time + 8;
        my $over  = sub { $turns->{goaways} || defined $turns->_stream($taken)->{reset} };
        while (time < $until && !$over->()) {
            $turns->until($over, 0.3);
            $turns->settings(4 => 0);
            $turns->window(0, 1);
            select undef, undef, undef, 0.005;
            $turns->settings(4 => 2**20);
        }
        ok($over->(), 'who turns from one window to the other gains nothing');
        $turns->close;
    }

    # Slow, but not idle: twice as long as client_send in all.
    my $slow = h2('h2', settings => [4 => 0]);
    my $slow_id = $slow->request(GET => '/a');
    for (1 .. 15) {
        $slow->window($slow_id, 4000);
        $slow->until(sub { length $slow->_stream($slow_id)->{body} >= 4000 * $_ }, 0.1);
        $slow->until(sub { 0 }, 0.1);
    }
    is(length $slow->response($slow_id)->{body}, 60_000, 'a slow client gets all');
    $slow->close;
}

# ---- what nobody wants of a body costs the others no window

sub upload {
    my ($client, $id, $bytes) = @_;
    my ($sent, $all) = (0, \($client->{sent} //= 0));
    while ($sent < $bytes && !defined $client->_stream($id)->{reset}) {
        my ($n) = sort { $a <=> $b } $bytes - $sent, 16_384, 65_535 + ($client->{opened}{0} // 0) - $$all,
            $client->{settings}{4} + ($client->{opened}{$id} // 0) - $sent;
        if ($n > 0) {
            $client->data($id, 'y' x $n, $sent + $n == $bytes) or last;
            $_ += $n for $sent, $$all;
        }
        $client->read_frame($n > 0 ? 0 : 5) or $n > 0 or last;
    }
    return $bytes - $sent;
}
{
    my $u = h2('h2', windows => 1);
    $u->until(sub { $u->{settings}{4} });
    for my $n (1 .. 12) {
        my $id = $u->request(POST => '/small/body', [], \1);
        upload($u, $id, 60_000);
        is($u->response($id)->{status}, 413, 'a body that is too long') if $n == 12;
    }
    # A body that is here with its head, of which no length was told.
    for my $case (['/small/whole', 1], ['/small/more', 0], ['/thin/whole', 1], ['/thin/more', 0]) {
        my ($path, $whole) = @$case;
        is($u->response($u->request(POST => '/thin/fits', [], 'x'))->{status}, 200, 'a connection to the server is there');
        my ($bytes, $id) = ('');
        {
            no warnings 'redefine';
            local *Weir::H2::send_bytes = sub { $bytes .= $_[1]; return 1 };
            $id = $u->request(POST => $path, [], \1);
            $u->data($id, 'y' x 12_000, $whole);
        }
        $u->send_bytes($bytes);
        is($u->response($id)->{status}, 413, "$path: a body that is too long");
        $u->rst($id, Weir::H2::CANCEL) if !$whole;
        my @seen = grep { ($_->{target} // '') eq $path } $app->seen(all => 1);
        is_deeply(\@seen, [], 'of which the server gets nothing');
    }
    my $id = $u->request(POST => '/up', [], \1);
    is(upload($u, $id, 600_000), 0, 'windows are open for the next one');
    is($u->response($id)->{status}, 200, 'which is answered');
    $u->close;
}

# ---- WebSocket over a stream (RFC 8441)

sub connect_ws {
    my ($client, $path, @more) = @_;
    my $id = $client->{next};
    $client->{next} += 2;
    $client->headers($id, [pseudo(%good, ':method' => 'CONNECT', ':path' => $path), ':protocol' => 'websocket',
        'sec-websocket-version' => 13, @more]);
    return $id;
}
{
    my $id = connect_ws($c, '/ws', 'sec-websocket-protocol' => 'chat', origin => 'http://a.test');
    my $r  = $c->head($id);
    is($r->{status}, 200, 'extended CONNECT');
    is(Weir::H2::header($r, 'sec-websocket-accept'), undef, 'without what HTTP/1 needs');
    my ($seen) = grep { $_->{target} eq '/ws' } $ws->seen;
    is($seen->{method}, 'GET', 'the server sees a GET');
    my %f = map { lc $_->[0] => $_->[1] } @{$seen->{headers}};
    like($f{'sec-websocket-key'}, qr{^[A-Za-z0-9+/]{22}==$}, 'with a key');
    is_deeply([@f{qw(connection upgrade sec-websocket-protocol)}], [qw(upgrade websocket chat)], 'and what was asked for');
    my $frame = "\x81\x85mask" . "hello";
    $c->data($id, $frame);
    $c->until(sub { length $r->{body} >= length $frame });
    is($r->{body}, $frame, 'bytes go there and back');
    is($c->response($c->request(GET => '/text'))->{body}, "text\n", 'beside other streams');
    $c->data($id, '', 1);
    ok($c->response($id), 'and it ends');

    my $hasty = connect_ws($c, '/ws');
    $c->data($hasty, "\x81\x82mask" . 'hi');
    $c->until(sub { length $c->_stream($hasty)->{body} >= 8 });
    is($c->_stream($hasty)->{body}, "\x81\x82mask" . 'hi', 'what comes before the tunnel is there waits');
    $c->rst($hasty, Weir::H2::CANCEL);

    my $quiet = connect_ws($c, '/quiet');
    ok($c->response($quiet), 'a silent one is ended');
    is($c->response(connect_ws($c, '/text'))->{reset}, Weir::H2::CONNECT_ERROR, 'no tunnel where none can be');
    my $bad = $c->{next};
    $c->{next} += 2;
    $c->headers($bad, [pseudo(%good, ':method' => 'CONNECT', ':path' => '/ws'), ':protocol' => 'websocket']);
    is($c->response($bad)->{status}, 400, 'no version, no tunnel');
}

# ---- a stream that is reset is given up towards the server

{
    my $id = $c->request(GET => '/hang/1');
    ok($hang->wait_seen(1), 'a request is at work');
    $c->rst($id, Weir::H2::CANCEL);
    ok(Weir::wait_for(sub { grep { $_->{event} eq 'close' } $hang->seen(all => 1) }), 'its connection ends with it');
    is($c->response($c->request(GET => '/text'))->{status}, 200, 'and the others go on');
}
$c->close;

# ---- too much of what leads nowhere

sub flood {
    my ($what, $error, $bytes, %o) = @_;
    my $f = h2('h2', settings => $o{settings});
    $o{before}->($f) if $o{before};
    for my $n (1 .. $o{times} // 50) {
        last if !$f->send_bytes(ref $bytes ? $bytes->($f, $n) : $bytes x 200);
    }
    my $code = $f->goaway(5);
    ok(defined $code && grep({ $code == $_ } ref $error ? @$error : $error), "$what: GOAWAY") or diag $code // 'none';
    ok($f->is_closed(5), "$what: the end");
    lives($what);
    return;
}
my $calm = Weir::H2::ENHANCE_YOUR_CALM;
my $bytes = \&Weir::H2::frame_bytes;
flood('pings', $calm, $bytes->(PING => 0, 0, 'x' x 8));
flood('settings', $calm, $bytes->(SETTINGS => 0, 0, pack 'nN', 4, 65535));
flood('empty settings', $calm, $bytes->(SETTINGS => 0, 0, ''));
flood('pings in a body', $calm, $bytes->(PING => 0, 0, 'x' x 8) x 4 . $bytes->(DATA => 0, 1, 'x'),
    before => sub { my ($f) = @_; $f->request(POST => '/hang', [], \1) }, times => 20);
flood('priorities', $calm, $bytes->(PRIORITY => 0, 1, pack 'NC', 3, 1));
flood('window updates', $calm, $bytes->(WINDOW_UPDATE => 0, 0, pack 'N', 1));
flood('frames of an unknown type', $calm, $bytes->(0xbe => 0, 0, ''));
flood('updates of priorities', $calm, $bytes->(PRIORITY_UPDATE => 0, 0, pack('N', 1) . 'u=1'));
my $open = sub { my ($f) = @_; $f->request(POST => '/hang', [], \1) };
flood('empty DATA', $calm, $bytes->(DATA => 0, 1, ''), before => $open);
my $head = encode(pseudo(%good, ':path' => '/hang/reset'));
flood('streams opened and reset', $calm, sub {
    my ($f, $n) = @_;
    return join '', map {
        my $id = ($n * 100 + $_) * 2 + 1;
        $bytes->(HEADERS => 5, $id, $head) . $bytes->(RST_STREAM => 0, $id, pack 'N', 8)
    } 0 .. 99;
});
flood('streams that must be reset', $calm, sub {
    my ($f, $n) = @_;
    return join '', map {
        my $id = ($n * 100 + $_) * 2 + 1;
        $bytes->(HEADERS => 5, $id, $head) . $bytes->(WINDOW_UPDATE => 0, $id, pack 'N', 2**31 - 1)
    } 0 .. 99;
});
flood('malformed requests', $calm, sub {
    my ($f, $n) = @_;
    return join '', map { $bytes->(HEADERS => 5, ($n * 100 + $_) * 2 + 1, encode('X' => 'y')) } 0 .. 99;
});

# Nothing but the end is promised to one that never ends a head.
{
    my $f = h2('h2');
    $f->frame(HEADERS => 1, 1, $head);
    for (1 .. 500) {
        last if !$f->frame(CONTINUATION => 0, 1, encode('x-a' => 'b' x 100));
    }
    is($f->goaway, $calm, 'CONTINUATION without end: GOAWAY');
    ok($f->is_closed(5), 'CONTINUATION without end: the end');
    lives('CONTINUATION');
}

# HPACK: one field of 4 KB in the table, told thousands of times.
{
    my $bomb = "\x40" . integer(0, 7, 3) . 'x-b' . integer(0, 7, 3900) . 'b' x 3900;
    my $f    = h2('h2');
    $f->frame(HEADERS => 5, 1, $head . $bomb . "\xbe" x 20);
    my $r = $f->response(1);
    is($r && $r->{status}, 431, 'a head that is too large by a little') or diag explain $r;
    $f->frame(HEADERS => 5, 3, $head . $bomb . "\xbe" x 12_000);
    is($f->goaway, $calm, 'a bomb of indexed fields is the end');
    ok($f->is_closed, 'of the connection');
    $f = h2('h2');
    my $id = $f->request(POST => '/hang', [], \1);
    $f->frame(HEADERS => 5, $id, $bomb . "\xbe" x 12_000);
    is($f->goaway, $calm, 'in trailers as well');
    $f->close;
    lives('HPACK bomb');
}
flood('heads that are too large', $calm, sub {
    my ($f, $n) = @_;
    return join '', map { $bytes->(HEADERS => 5, ($n * 20 + $_) * 2 + 1, encode(pseudo(%good), map { ("x-$_" => '') } 1 .. 120)) } 0 .. 19;
});

# Windows of one byte: what is sent for them explains nothing.
flood('tiny windows', $calm, sub { join '', map { $bytes->(WINDOW_UPDATE => 0, $_ * 2 + 1, pack 'N', 1) } 0 .. 99 },
    settings => [4 => 0], before => sub { my ($f) = @_; $f->request(GET => '/a') for 1 .. 100 });

# Answers of which nothing is taken, more than chance explains.
{
    my $f = h2('h2', settings => [4 => 0]);
    $f->request(GET => '/a') for 1 .. 100;
    is($f->goaway, $calm, 'a hundred answers of which nothing is taken: GOAWAY');
    ok($f->is_closed(5), 'and the end');
    lives('shut windows');
}

# A request whose reset waits to be sent has not troubled a server.
{
    my $f = h2('h2');
    $f->send_bytes(join '', map { $bytes->(HEADERS => 5, $_, encode(pseudo(%good, ':path' => '/hang/doomed'))) .
        $bytes->(WINDOW_UPDATE => 0, $_, pack 'N', 2**31 - 1) } map { $_ * 2 + 1 } 0 .. 49);
    is($f->response(99)->{reset}, Weir::H2::FLOW_CONTROL_ERROR, 'a request whose window overflows is reset');
    is($f->response($f->{next} = 101, 0.2), undef, 'all is read') ;
    is(scalar(grep { ($_->{target} // '') =~ /doomed/ } $hang->seen(all => 1)), 0, 'before a server hears of it');
    $f->close;
}

# Streams at a time: who was told how many has broken the rule.
{
    my $f  = h2('h2');
    $f->until(sub { $f->{settings}{3} });
    my @all = map { $f->request(GET => "/hang/many/$_") } 1 .. 128;
    is($f->response($f->request(GET => '/text'), 1), undef, 'one too many at a time is not served');
    is($f->goaway, Weir::H2::PROTOCOL_ERROR, 'and breaks the rules');
    $f->close;
    lives('many streams');
}

# ---- the rules of frames

for my $case (
    ['a frame that is too long', Weir::H2::FRAME_SIZE_ERROR, sub { $_[0]->frame(DATA => 0, 1, 'x' x 16385) }],
    ['DATA on stream 0', Weir::H2::PROTOCOL_ERROR, sub { $_[0]->frame(DATA => 0, 0, 'x') }],
    ['HEADERS on an even stream', Weir::H2::PROTOCOL_ERROR, sub { $_[0]->headers(2, [@base], 1) }],
    ['PUSH_PROMISE', Weir::H2::PROTOCOL_ERROR, sub { $_[0]->frame(PUSH_PROMISE => 4, 1, pack('N', 2) . $head) }],
    ['a window beyond 2^31', Weir::H2::FLOW_CONTROL_ERROR, sub { $_[0]->window(0, 2**31 - 1) }],
    ['a block that is no HPACK', Weir::H2::COMPRESSION_ERROR, sub { $_[0]->frame(HEADERS => 5, 1, "\xff\xff\xff\xff\xff\xff\xff") }],
    ['DATA on a stream that was ended', Weir::H2::STREAM_CLOSED, sub {
        $_[0]->response($_[0]->request(GET => '/text'));
        $_[0]->data(1, 'x');
    }],
    ['DATA on a stream that was reset', Weir::H2::STREAM_CLOSED, sub {
        $_[0]->request(GET => '/hang/x');
        $_[0]->rst(1, 8);
        $_[0]->data(1, 'x');
    }],
    ['a stream that was passed over', Weir::H2::PROTOCOL_ERROR, sub {
        $_[0]->headers(5, [@base[0 .. 5], ':path' => '/text'], 1);
        $_[0]->headers(3, [@base[0 .. 5], ':path' => '/text'], 1);
    }],
    ['more DATA than the window', Weir::H2::FLOW_CONTROL_ERROR, sub {
        my ($f) = @_;
        connect_ws($f, '/hang/y');
        $f->until(sub { $f->{settings}{4} });
        $f->data(1, 'x' x 16384) for 1 .. 40;
    }],
    ) {
    my ($what, $error, $do) = @$case;
    my $f = h2('h2');
    $do->($f);
    $f->until(sub { $f->{goaways} || defined $f->_stream(1)->{reset} }, 5);
    my $code = $f->{goaways} ? $f->{goaways}[0]{error} : $f->_stream(1)->{reset};
    is($code, $error, $what);
    $f->close;
}

# ---- both protocols on one port, and one alone

is($w->get('h2', '/text')->{body}, "text\n", 'HTTP/1 where HTTP/2 may be spoken');
{
    my $one = $w->client('h2');
    $one->send(request_bytes(GET => '/text'), piece => 1);
    is($one->read_response->{body}, "text\n", 'byte by byte');
    my $p = h2('h2', bare => 1);
    my $all = Weir::H2::PREFACE . $bytes->(SETTINGS => 0, 0, '') . $bytes->(HEADERS => 5, 1, encode(@{$p->fields(GET => '/text')}));
    $p->send_bytes($_), select undef, undef, undef, 0.001 for split //, $all;
    is($p->response(1)->{body}, "text\n", 'HTTP/2 byte by byte');
    $p->close;
    my $no = $w->client('h1');
    $no->send(Weir::H2::PREFACE);
    is($no->read_response->{status}, 505, 'not where it was not asked for');
}

# ---- the same over TLS, where ALPN says so

for my $alpn ('h2', 'h2,http/1.1') {
    my $s = Weir::Tls->client(port => $w->port('tls'), dir => $w->dir, host => 'a.test', args => ['-alpn', $alpn]);
    my $p = Weir::H2->new(sock => $s->{sock}, windows => 1);
    like($p->response($p->request(GET => '/echo'))->{body}, qr/^X-Forwarded-Proto: https\r$/m, "ALPN $alpn: HTTP/2");
    is($p->response($p->request(GET => '/files/file.bin'))->{body}, $file, "ALPN $alpn: a file");
    is($p->response($p->request(POST => '/up', [], 'x' x 9000))->{status}, 200, "ALPN $alpn: a body");
    is(Weir::H2::header($p->response($p->request(GET => '/long')), 'content-length'), length $long, "ALPN $alpn: a long answer");
    $p->close;
    kill 'KILL', $s->{pid};
}

# ---- times

{
    my $silent = h2('slow');
    is($silent->goaway, Weir::H2::NO_ERROR, 'who asks for nothing is told goodbye');
    ok($silent->is_closed, 'and closed');
    my $half = h2('slow');
    $half->frame(HEADERS => 1, 1, $head);
    ok(defined $half->goaway, 'a head that does not end: goodbye');
    ok($half->is_closed, 'and closed');
    # The same where something else stays open.
    my $both = h2('slow', windows => 1);
    my $tunnel = connect_ws($both, '/ws');
    $both->head($tunnel);
    $both->data($tunnel, "\x81\x85mask" . 'hello') for 1 .. 3;
    $both->frame(HEADERS => 1, $both->{next}, $head);
    ok(defined $both->goaway(5), 'a head that does not end beside a tunnel: goodbye');
    $both->close;
    my $idle = h2('slow');
    $idle->response($idle->request(GET => '/text'));
    my $since = time;
    $idle->frame(PING => 0, 0, 'x' x 8), select undef, undef, undef, 0.05 while !$idle->{goaways} && time < $since + 5 && ($idle->read_frame(0.01), 1);
    ok($idle->{goaways}, 'pings do not keep an idle connection');
}

# ---- the log and the counters

{
    my $open    = h2('h2');
    $open->response($open->request(GET => '/text'));
    my $metrics = $w->get('admin', '/metrics', headers => [Host => 'localhost'])->{body};
    my %n = $metrics =~ /^(weir_\w+(?:\{protocol="http2"\})?) (\d+)$/mg;
    cmp_ok($n{'weir_connections{protocol="http2"}'}, '>=', 1, 'connections are counted by protocol');
    cmp_ok($n{'weir_requests_total{protocol="http2"}'}, '>', 100, 'and requests');
    cmp_ok($n{weir_http2_refused_total}, '>', 10, 'and those that were ended');
    $open->close;
    ok(Weir::wait_for(sub { $w->get('admin', '/metrics', headers => [Host => 'localhost'])->{body} =~ /^weir_connections\{protocol="http2"\} 0$/m }),
        'none is left over');
}
ok((grep { $_ eq 'HTTP/2.0 GET /text 200' } split /\n/, $w->read('access.log')), 'the protocol is logged');

# ---- leave: who is served is served to the end

{
    my $d  = h2('h2', windows => 1);
    my $id = $d->request(GET => '/hang/drain');
    my $ws_id = connect_ws($d, '/ws');
    $d->head($ws_id);
    my $before = $w->pid;
    $w->signal('HUP');
    ok($d->until(sub { $d->{goaways} }), 'a reload is told of');
    is($d->{goaways}[0]{last}, 2**31 - 1, 'first without a last stream');
    my $late = $d->request(GET => '/text');
    is($d->response($late)->{body}, "text\n", 'a request that was on its way is served');
    ok($d->until(sub { @{$d->{goaways}} > 1 }), 'then for good');
    is($d->{goaways}[1]{last}, $late, 'with the last stream that was served');
    my $r = $d->_stream($ws_id);
    ok($d->until(sub { $r->{end} || defined $r->{reset} }), 'drain_timeout ends what is left');
    is($r->{body}, "\x88\x02\x03\xe9", 'a WebSocket with a goodbye');
    ok($d->is_closed, 'and all is over');
    lives('reload');
}

$w->stop_ok;
done_testing;
