#!/usr/bin/env perl

# The harness against itself: each upstream behaviour seen by the raw client, and
# a small script in place of weir whose faults stop() must report.

use strict;
use warnings;
use FindBin;
use IO::Socket::INET;
use lib "$FindBin::Bin/lib";
use Test::More;
use Time::HiRes qw(time);
use Weir;
use Weir::Client qw(request_bytes header headers);
use Weir::Upstream;

local $SIG{ALRM} = sub { die "harness test takes too long\n" };
alarm 100;

sub up     { return Weir::Upstream->start(script => $_[0]) }
sub client { return Weir::Client->new(port => $_[0]->port, timeout => 5) }

# ---- fixed, keep-alive, pieces, records
{
    my $u = up({do => 'fixed', status => 201, headers => ['X-A' => 'one', 'x-a' => 'two'],
        body => "\x00\xffbody"});
    my $c = client($u);
    my $bytes = request_bytes(POST => '/p?q', ['X-Y' => "caf\xe9"], "some\nbody");
    is($c->send($bytes, piece => 3), length $bytes, 'all pieces sent');
    my $r = $c->read_response;
    is($r->{error}, undef, 'fixed: no error');
    is($r->{status}, 201, 'fixed: status');
    is($r->{body}, "\x00\xffbody", 'fixed: body');
    is_deeply([headers($r, 'X-a')], [qw(one two)], 'fixed: repeated field');
    ok($r->{complete} && !$r->{until_close}, 'fixed: framed');
    $c->send(request_bytes(GET => '/1') . request_bytes(GET => '/2'));
    my @r = $c->read_responses(2);
    is(scalar @r, 2, 'two pipelined responses');
    is($c->read_response(timeout => 0.1)->{error}, 'timeout', 'a third one times out');
    my @seen = $u->seen;
    is(scalar @seen, 3, 'three requests recorded');
    is($seen[0]{raw}, $bytes, 'recorded as sent, byte for byte');
    is($seen[0]{body}, "some\nbody", 'its body');
    is(header($seen[0], 'x-y'), "caf\xe9", 'its field');
    is_deeply([map { "$_->{conn}.$_->{n} $_->{target}" } @seen], ['0.0 /p?q', '0.1 /1', '0.2 /2'],
        'on one connection, in order');
    $c->close;
    is(scalar $u->wait_seen(1, event => 'close'), 1, 'close is recorded');
    my $head = Weir::Client->get($u->port, '/', method => 'HEAD');
    is("$head->{status} '$head->{body}' $head->{complete}", "201 '' 1", 'HEAD has no body');
    my $pid = $u->pid;
    $u->stop;
    ok(!kill(0 => $pid), 'stopped upstream is gone');
    ok(!eval { client($u); 1 }, 'and its port refuses');
}

# ---- framings of the answer, right and wrong
my @framing = (
    ['chunked', "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            . "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nX-T: t\r\n\r\n", 'abc0123456789', undef],
    ['no body', "HTTP/1.1 204 None\r\n\r\n", '', undef],
    ['not modified', "HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", '', undef],
    ['bad size', "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", '',
        "bad chunk size 'zz'"],
    ['long chunk', "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
        'a', 'chunk longer than its size'],
    ['both', "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\na", '',
        'both Content-Length and Transfer-Encoding'],
    ['two lengths', "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", '',
        "bad Content-Length '1 2'"],
    ['bad field', "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", '', "bad field line 'no colon'"],
);
for my $t (@framing) {
    my ($name, $bytes, $body, $error) = @$t;
    my $u = up({do => 'fixed', bytes => $bytes});
    my $r = Weir::Client->get($u->port, '/', timeout => 5);
    is($r->{body}, $body, "$name: body");
    is($r->{error}, $error, "$name: error");
    is($r->{complete}, defined $error ? 0 : 1, "$name: complete or not");
    is_deeply($r->{trailers}, [['X-T', 't']], 'trailers') if $name eq 'chunked';
    is_deeply($r->{chunks}, [3, 10, 0], 'chunk sizes') if $name eq 'chunked';
    $u->stop;
}
{
    my $u = up({do => 'fixed', until_close => 1, body => 'x' x 300_000});
    my $r = Weir::Client->get($u->port, '/');
    is(length $r->{body}, 300_000, 'until close: whole body');
    ok($r->{until_close} && $r->{complete}, 'until close: said so');
    my $i = up({do => 'fixed', bytes => "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\n"
        . "Link: l\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"});
    $r = Weir::Client->get($i->port, '/');
    is($r->{status}, 200, 'final response after interim ones');
    is_deeply([map { $_->{status} } @{$r->{interim}}], [100, 103], 'which are kept');
}

# ---- echo, also of a chunked request
{
    my $u = up('echo');
    my $bytes = request_bytes(PUT => '/e', ['Transfer-Encoding' => 'chunked'],
        "4\r\nwiki\r\n0\r\n\r\n");
    my $c = client($u);
    $c->send($bytes);
    my $r = $c->read_response;
    is($r->{body}, $bytes, 'echo: the request as it came');
    is(header($r, 'content-type'), 'text/plain', 'echo: as text');
    is(($u->seen)[0]{body}, 'wiki', 'chunked request decoded in the record');
    $c->send("GET /half HTTP/1.1\r\nHo");
    $c->shut;
    ok($c->is_closed, 'half a request: closed');
    my @seen = $u->wait_seen(2);
    is($seen[1]{error}, 'closed', 'and recorded as cut short');
}

# ---- hang, reset, refuse
{
    my $u = up('hang');
    my $c = client($u);
    $c->send(request_bytes(GET => '/h'));
    my $begin = time;
    is($c->read_response(timeout => 0.2)->{error}, 'timeout', 'hang: times out');
    my $took = time - $begin;
    ok($took > 0.15 && $took < 3, 'hang: by the given time') or diag($took);
    ok(!$c->is_closed(timeout => 0.05), 'hang: still open');
    is(scalar $u->seen, 1, 'hang: request recorded');
    $c->reset;
    is(scalar $u->wait_seen(1, event => 'close'), 1, 'hang: ends with the client');

    my $r = Weir::Client->get(up('reset')->port, '/');
    is($r->{error}, 'reset', 'reset: seen as reset');
    my $accept = up({do => 'reset', at => 'accept'});
    # The RST may come while connect still looks at the socket: then that says so.
    my $why = eval { client($accept)->read_response->{error} } // $@;
    like($why, qr/\Areset\z|reset by peer/, 'reset at accept');
    is(scalar $accept->seen, 0, 'before any request');
    $r = Weir::Client->get(up({do => 'reset', after => "HTTP/1.1 2"})->port, '/');
    ok($r->{error} =~ /\A(?:reset|closed)\z/ && !$r->{complete}, 'reset after some bytes');

    my $refuse = up('refuse');
    ok(!eval { client($refuse); 1 }, 'refuse: no connection');
    like($@, qr/refused/, 'refuse: the reason');
    ok(!IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '127.0.0.1',
        LocalPort => $refuse->port), 'refuse: port is held');
}

# ---- dribble, partial, garbage
{
    my $u = up({do => 'dribble', body => 'slowly', gap => 0.002});
    my $c = client($u);
    $c->send(request_bytes(GET => '/'));
    my $first = $c->read_some;
    cmp_ok(length $first, '<', 20, 'dribble: comes in small pieces');
    $c->{buf} = $first;
    my $r = $c->read_response;
    is("$r->{complete} $r->{body}", '1 slowly', 'dribble: whole in the end');

    $r = Weir::Client->get(up({do => 'partial', bytes =>
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", cut => 44})->port, '/');
    is("$r->{body} $r->{error}", '01234 closed', 'partial: cut in the body');
    $r = Weir::Client->get(up({do => 'partial', cut => 12})->port, '/');
    is("$r->{complete} $r->{error} $r->{raw}", '0 closed HTTP/1.1 200', 'partial: in the head');
    $r = Weir::Client->get(up('garbage')->port, '/');
    like($r->{error}, qr/\Abad start line/, 'garbage: is no response');
}

# ---- WebSocket: the example of RFC 6455 1.3, then bytes both ways
{
    my $u = up('websocket');
    my $c = client($u);
    $c->send(request_bytes(GET => '/chat', [Upgrade => 'websocket', Connection => 'Upgrade',
        'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version' => 13]));
    my $r = $c->read_response;
    is($r->{status}, 101, 'websocket: switched');
    is(header($r, 'sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'websocket: accept');
    for my $bytes ("\x81\x05hello", "\x00" x 100_000) {
        $c->send($bytes);
        is($c->read_bytes(length $bytes), $bytes, 'websocket: echo of ' . length $bytes);
    }
    $c->shut;
    ok($c->is_closed, 'websocket: ends with the client');
    is(Weir::Client->get($u->port, '/')->{status}, 400, 'websocket: plain request is refused');
}

# ---- scripts by connection, by path, by sub
{
    my $u = up([{do => 'fixed', status => 503}, 'reset', {do => 'fixed', status => 200}]);
    my @got = map { Weir::Client->get($u->port, '/') } 1 .. 4;
    is_deeply([map { $_->{status} // $_->{error} } @got], [503, 'reset', 200, 200],
        'script by connection');
    $u = up({'/a' => {do => 'fixed', body => 'A'}, '*' => sub {
        my ($conn, $req, $index) = @_;
        $conn->send("HTTP/1.0 200 OK\r\n\r\n$index $req->{target}");
        return 0;
    }});
    is(Weir::Client->get($u->port, '/a?x')->{body}, 'A', 'script by path');
    is(Weir::Client->get($u->port, '/b')->{body}, '1 /b', 'script by sub');
    ok(!eval { up('no-such'); 1 }, 'unknown behaviour is refused');
    ok(!eval { up([]); 1 }, 'empty script is refused');
}

# ---- Weir with a stand-in: its configuration says how to misbehave
my $stand_in = Weir->new;
$ENV{WEIR} = $stand_in->write('weir', "#!$^X\n" . <<'PERL');
use strict;
use warnings;
use IO::Socket::INET;
my $conf = $ARGV[0] eq '-c' ? do { local (@ARGV, $/) = $ARGV[1]; <> } : '';
if ($ARGV[0] eq '-v') { print "stand-in @ARGV[1 .. $#ARGV]\n"; exit 3 }
sub has { return $conf =~ /\b$_[0]\b/ }
my ($dir) = $conf =~ /^dir (.*)/m;
my ($port) = $conf =~ /^port (\d+)/m;
if (has('dies')) { print {*STDERR} "weir.conf:1: wrong\n"; exit 1 }
open my $log, '>>', "$dir/error.log";
my $kid = fork;
if (!$kid) {
    setpgrp if has('leaves');
    $SIG{TERM} = 'IGNORE' if has('leaves');
    sleep 60;
    exit;
}
my $end = sub {
    syswrite $log, "2026-01-01T00:00:00.000Z info master [7] bye\n";
    syswrite $log, "2026-01-01T00:00:00.000Z error worker 0 [8] info: upstream failed\n" if has('logs');
    print {*STDERR} "==7==ERROR: AddressSanitizer: heap-use-after-free\n" if has('sanitizer');
    return if has('deaf');
    kill KILL => $kid unless has('leaves');
    waitpid $kid, 0 unless has('leaves');
    kill ABRT => $$ if has('aborts');
    exit(has('fails') ? 3 : 0);
};
$SIG{QUIT} = $SIG{TERM} = $end;
$SIG{ABRT} = 'DEFAULT';
# Last: who sees the port answer may signal at once.
my $s = IO::Socket::INET->new(Listen => 9, LocalAddr => "127.0.0.1:$port", ReuseAddr => 1);
while (1) { sleep 1 }
PERL
chmod 0755, $ENV{WEIR};

sub weir {
    return Weir->new(conf => "dir {{dir}}\nport {{http}}\n{{mode}}\n", fill => {mode => $_[0]});
}

my $w = weir('clean');
isnt($w->port('http'), $stand_in->port('http'), 'ports differ');
like($w->read('weir.conf'), qr/^port \d+\nclean$/m, 'configuration is filled in');
ok(!eval { $w->fill('{{nothing}}'); 1 }, 'unknown fill is refused');
my $v = $w->run('-v', '{{mode}}');
is("$v->{exit} $v->{signal} $v->{out}$v->{err}", "3 0 stand-in clean\n", 'run: exit and output');
$w->start;
ok($w->client('http'), 'start: port answers');
is(scalar(my @k = $w->children), 1, 'one child');
$w->stop_ok('QUIT');
is(scalar(grep { kill 0 => $_ } @k), 0, 'child is gone');
ok(defined $w->wait_log(qr/bye/, 1), 'log line found');
ok(!defined $w->wait_log(qr/never/, 0.05), 'missing log line not found');
is_deeply([weir('clean')->start->stop('TERM')], [], 'TERM is clean too');

ok(!eval { weir('dies')->start; 1 }, 'start dies with the process');
like($@, qr/ended with status 256: weir\.conf:1: wrong/, 'and says why');

my @fault = (
    [fails     => qr/\Aexit code 3\z/],
    [aborts    => qr/\Akilled by signal 6\z/],
    [leaves    => qr/\Aleft children behind: \d+\z/],
    [logs      => qr/\Aerror log: .*upstream failed\z/],
    [sanitizer => qr/\Asanitizer: .*heap-use-after-free\z/],
);
for my $f (@fault) {
    my @wrong = weir($f->[0])->start->stop;
    is(scalar @wrong, 1, "$f->[0]: one fault") or diag(join "\n", @wrong);
    like($wrong[0] // '', $f->[1], "$f->[0]: reported");
    if ($f->[0] eq 'leaves' && ($wrong[0] // '') =~ /(\d+)\z/) {
        my $pid = $1;
        ok(Weir::wait_for(sub { my %all = Weir::_processes(); !$all{$pid} }, 5),
            'leaves: and the child is killed');
    }
}
my $allowed = weir('logs');
$allowed->allow(qr/upstream failed/);
is_deeply([$allowed->start->stop], [], 'an allowed line is no fault');
{
    local $ENV{WEIR_TIMEOUT} = 1;
    my $deaf = weir('deaf')->start;
    my @wrong = $deaf->stop;
    is($wrong[0], 'did not end on QUIT', 'deaf: reported');
    ok(!defined $deaf->pid, 'deaf: killed');
}
my $gone = weir('clean')->start;
$gone->signal('TERM');
Weir::wait_for(sub { $gone->_ended });
is(($gone->stop)[0], 'was not running any more', 'a process that ended by itself is a fault');

done_testing();
