#!/usr/bin/env perl

# More requests than the servers may have at once: the limit over all workers, the queue with its
# order, size and time, those who leave it, workers that die, and load that is shed.

use strict;
use warnings;
use Fcntl qw(O_APPEND O_CREAT O_WRONLY);
use FindBin qw($Bin);
use JSON::PP qw(decode_json);
use lib "$Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);
use Weir;
use Weir::Client qw(header request_bytes);

my $dir;

# One line is one write: the order of the lines is that of the events.
sub note_event {
    my ($name, $text) = @_;
    sysopen my $fh, "$dir/$name", O_WRONLY | O_APPEND | O_CREAT or die "$dir/$name: $!\n";
    syswrite $fh, "$text\n";
    close $fh;
    return;
}

sub events {
    my ($name) = @_;
    open my $fh, '<', "$dir/$name" or return;
    chomp(my @lines = <$fh>);
    return @lines;
}

# Answers when the file of the gate is there; what comes and goes is noted in this order.
sub gated {
    my ($name) = @_;
    return sub {
        my ($conn, $req) = @_;
        note_event($name, "+ $req->{target}");
        my $body = length($req->{body} // '') . "\n";
        for (1 .. 4000) {
            last if -e "$dir/gate-$name";
            sleep 0.005;
            last if $conn->{eof};
        }
        note_event($name, "- $req->{target}");
        $conn->send("HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
        return 1;
    };
}

sub open_gate  { my ($name) = @_; open my $fh, '>', "$dir/gate-$name" or die $!; close $fh; return }
sub close_gate { my ($name) = @_; unlink "$dir/gate-$name"; return }

# The most requests that the server had at once.
sub most {
    my ($now, $most) = (0, 0);
    for (events($_[0])) {
        $now += /\A\+/ ? 1 : -1;
        $most = $now if $now > $most;
    }
    return $most;
}

sub came { my ($name) = @_; return scalar grep { /\A\+/ } events($name) }
sub order { my ($name) = @_; return join ' ', map { /\A\+ (.*)/ ? $1 : () } events($name) }

sub upstream_of {
    my ($w, $name) = @_;
    my $r = $w->get('admin', "/api/v1/upstreams/$name", headers => [Host => 'localhost']);
    return decode_json($r->{body});
}

sub queued { my ($w, $name) = @_; return upstream_of($w, $name)->{queued} }

# A request that was sent, its answer not yet read.
sub ask {
    my ($w, $target, %o) = @_;
    my $c = $w->client('http', timeout => 20);
    $c->send(request_bytes($o{method} // 'GET', $target, $o{fields} // [], $o{body}));
    return $c;
}

sub status_of { my ($c) = @_; return $c->read_response->{status} // 'none' }

sub waits_for {
    my ($w, $name, $n) = @_;
    ok(Weir::wait_for(sub { queued($w, $name) == $n }), "$n in the queue of $name") or diag queued($w, $name);
    return;
}

# ---- one worker: order, size, time
{
    my $w = Weir->new(ports => [qw(http admin a b c d gone)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; }, { address = "127.0.0.1:{{admin}}"; admin = true; } );
upstreams = (
  { name = "a"; queue = { size = 4; timeout = "20s"; }; servers = ( { address = "127.0.0.1:{{a}}"; max_connections = 1; } ); },
  { name = "b"; queue = { timeout = "200ms"; }; servers = ( { address = "127.0.0.1:{{b}}"; max_connections = 1; } ); },
  { name = "c"; queue = 0; servers = ( { address = "127.0.0.1:{{c}}"; max_connections = 1; } ); },
  { name = "backed"; queue = 0; servers = ( { address = "127.0.0.1:{{c}}"; name = "c"; max_connections = 1; },
    { address = "127.0.0.1:{{d}}"; backup = true; } ); },
  { name = "waiting"; servers = ( { address = "127.0.0.1:{{c}}"; name = "c"; max_connections = 1; },
    { address = "127.0.0.1:{{d}}"; backup = true; } ); },
  { name = "down"; servers = ( { address = "127.0.0.1:{{gone}}"; down = true; } ); }
);
sites = ( { name = "all"; access_log = { path = "{{dir}}/access.log"; format = "$path $status $queue_duration $error"; flush = "10ms"; };
  routes = (
  { prefix = "/high"; proxy = "a"; priority = "high"; },
  { prefix = "/low"; proxy = "a"; priority = "low"; },
  { prefix = "/total"; proxy = "a"; timeouts = { total = "200ms"; }; },
  { prefix = "/b"; proxy = "b"; }, { prefix = "/c"; proxy = "c"; }, { prefix = "/backed"; proxy = "backed"; },
  { prefix = "/waiting"; proxy = "waiting"; }, { prefix = "/down"; proxy = "down"; },
  { prefix = "/"; proxy = "a"; request_body = { max_size = "4m"; memory = "16k"; }; } ); } );
CONF
    $dir = $w->dir;
    $w->upstream($_, gated($_)) for qw(a b c);
    $w->upstream('d', {do => 'fixed', body => 'backup'});
    $w->start;

    my $first = ask($w, '/first');
    ok(Weir::wait_for(sub { came('a') == 1 }), 'the first is served');
    my @low = map { ask($w, "/low$_") } 1, 2;
    waits_for($w, 'a', 2);
    my $normal = ask($w, '/normal');
    waits_for($w, 'a', 3);
    my $high = ask($w, '/high');
    waits_for($w, 'a', 4);

    # Full: who comes is turned away, but one of a higher priority than the last who waits takes its place.
    my $r = $w->get('http', '/low3');
    is($r->{status}, 503, 'no room');
    is(header($r, 'retry-after'), 1, 'Retry-After');
    $w->allow(qr{ 503 .*"GET /low3}, qr{"GET /low3.*-> 503.*the queue is full; queue\.size is 4});
    ok($w->wait_log(qr/the queue is full; queue\.size is 4/), 'the log names the setting');
    my $urgent = ask($w, '/high2');
    is(status_of($low[1]), 503, 'the last of the lowest goes');
    $w->allow(qr/request of a higher priority came; queue\.size is 4/);
    ok($w->wait_log(qr/request of a higher priority came/), 'and the log says why');
    my $metrics = $w->get('admin', '/metrics', headers => [Host => 'localhost'])->{body};
    like($metrics, qr/^weir_upstream_queued\{upstream="a",server="127\.0\.0\.1:\d+"\} 4$/m, 'metrics');

    # A client that goes away leaves the queue.
    my $gone = shift @low;
    $gone->reset;
    waits_for($w, 'a', 3);

    # The whole exchange is limited, the wait included.
    is($w->get('http', '/total')->{status}, 504, 'timeouts.total');
    $w->allow(qr/the exchange took too long/);
    ok($w->wait_log(qr/too long, waiting for a place at a server; timeouts\.total is 200ms/), 'and where it was');
    waits_for($w, 'a', 3);

    # A body is taken while its request waits, and kept.
    my $body = ask($w, '/post', method => 'POST', body => 'x' x 1_000_000);
    waits_for($w, 'a', 4);
    open_gate('a');
    is(status_of($_), 200, 'served in the end') for $first, $high, $urgent, $normal;
    $r = $body->read_response;
    is($r->{status}, 200, 'a body that had to wait');
    is($r->{body}, "1000000\n", 'is whole');
    is(order('a'), '/first /high /high2 /normal /post', 'by priority, then by time of coming');
    is(most('a'), 1, 'never more than max_connections');
    ok(Weir::wait_for(sub { queued($w, 'a') == 0 && upstream_of($w, 'a')->{servers}[0]{active} == 0 }), 'nothing is left');
    ok(Weir::wait_for(sub { $w->read('access.log') =~ m{^/high2 200 0\.\d\d\d}m }), 'the wait is in the access log')
        or diag $w->read('access.log');
    my ($waited) = $w->read('access.log') =~ m{^/normal 200 (\d+\.\d+)}m;
    cmp_ok($waited, '>', 0, 'and more than nothing');
    like($w->read('access.log'), qr{^/first 200 0\.000}m, 'nor does who has not waited');

    # Too long.
    my $holder = ask($w, '/b1');
    ok(Weir::wait_for(sub { came('b') == 1 }), 'b is full');
    $r = $w->get('http', '/b2');
    is($r->{status}, 503, 'waited too long');
    is(header($r, 'retry-after'), 1, 'Retry-After');
    like(header($r, 'proxy-status'), qr/connection_limit_reached/, 'Proxy-Status');
    $w->allow(qr{"GET /b2.*stayed at its max_connections; queue\.timeout is 200ms});
    ok($w->wait_log(qr/queue\.timeout is 200ms/), 'and the log says so');
    open_gate('b');
    is(status_of($holder), 200, 'who had the place is served');
    is($w->get('http', '/b3')->{status}, 200, 'and so is who comes then');

    # Nobody may wait; a backup helps out.
    $holder = ask($w, '/c1');
    ok(Weir::wait_for(sub { came('c') == 1 }), 'c is full');
    is($w->get('http', '/c2')->{status}, 503, 'no queue');
    $w->allow(qr{"GET /c2.*none may wait; queue\.size is 0});
    ok($w->wait_log(qr/none may wait; queue\.size is 0/), 'and the log says so');
    my $backed = ask($w, '/backed1');
    ok(Weir::wait_for(sub { came('c') == 2 }), 'another upstream has the same server under its own limit');
    is($w->get('http', '/backed2')->{body}, 'backup', 'full and no queue: the backup');
    my $waiting = ask($w, '/waiting1');
    ok(Weir::wait_for(sub { came('c') == 3 }), 'the same with a queue');
    my $second = ask($w, '/waiting2');
    waits_for($w, 'waiting', 1);
    open_gate('c');
    is(status_of($_), 200, 'served') for $holder, $backed, $waiting;
    isnt($second->read_response->{body}, 'backup', 'full and a queue: it waits for the server');

    # Down is not full.
    $r = $w->get('http', '/down');
    is($r->{status}, 503, 'down');
    is(header($r, 'retry-after'), 1, 'Retry-After');
    like(header($r, 'proxy-status'), qr/destination_unavailable/, 'Proxy-Status');
    $w->allow(qr{"GET /down.*no server of the upstream can be used; 1 down});
    ok($w->wait_log(qr/can be used; 1 down/), 'the log says what they are');

    # A worker that is told to end serves those who wait.
    close_gate('a');
    my $n = came('a');
    $first = ask($w, '/end1');
    ok(Weir::wait_for(sub { came('a') == $n + 1 }), 'a is full');
    my $last = ask($w, '/end2');
    waits_for($w, 'a', 1);
    $w->signal('QUIT');
    open_gate('a');
    is(status_of($_), 200, 'served while it ends') for $first, $last;
    my @wrong = grep { !/was not running/ } $w->stop;
    is("@wrong", '', 'ends well');
}

# ---- four workers: the limit is the instance's
{
    my $w = Weir->new(ports => [qw(http admin a b)], conf => <<'CONF');
workers = 4;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; }, { address = "127.0.0.1:{{admin}}"; admin = true; } );
upstreams = ( { name = "a"; queue = { size = 200; timeout = "30s"; };
    servers = ( { address = "127.0.0.1:{{a}}"; max_connections = 3; } ); },
  { name = "b"; queue = { size = 10; timeout = "30s"; };
    servers = ( { address = "127.0.0.1:{{b}}"; max_connections = 1; } ); } );
sites = ( { name = "all"; routes = ( { prefix = "/b"; proxy = "b"; }, { prefix = "/"; proxy = "a"; } ); } );
CONF
    $dir = $w->dir;
    $w->upstream('a', sub {
        my ($conn, $req) = @_;
        note_event('a', "+ $req->{target}");
        sleep 0.001 * (1 + $$ % 4);
        note_event('a', "- $req->{target}");
        $conn->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        return 1;
    });
    $w->upstream('b', gated('b'));
    $w->start;
    my @kids;
    for my $n (1 .. 24) {
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            my $bad = 0;
            for my $k (1 .. 20) {
                my $r = eval { $w->get('http', "/$n/$k", timeout => 40) };
                $bad++ if ($r->{status} // 0) != 200;
            }
            POSIX::_exit($bad);
        }
        push @kids, $pid;
    }
    my $bad = 0;
    for my $pid (@kids) {
        waitpid $pid, 0;
        $bad += $? >> 8;
    }
    is($bad, 0, 'all are served');
    is(came('a'), 480, 'each once');
    is(most('a'), 3, 'never more at once than max_connections, over four workers');
    ok(Weir::wait_for(sub { queued($w, 'a') == 0 && upstream_of($w, 'a')->{servers}[0]{active} == 0 }), 'nothing is left');

    # The size of the queue is the instance's too.
    my @clients = ask($w, '/b0');
    ok(Weir::wait_for(sub { came('b') == 1 }), 'b is full');
    push @clients, map { ask($w, "/b$_") } 1 .. 10;
    waits_for($w, 'b', 10);
    $w->allow(qr/the queue is full; queue\.size is 10/);
    is($w->get('http', '/b11')->{status}, 503, 'one more has no room, whatever its worker') for 1 .. 4;

    # Dead workers hold no places, and wait for none.
    my %workers = map { $_->{pid} => 1 }
        @{decode_json($w->get('admin', '/api/v1/status', headers => [Host => 'localhost'])->{body})->{workers}};
    is(scalar keys %workers, 4, 'four workers');
    $w->allow(qr/worker \d.*(?:ended|killed|signal)/);
    kill KILL => keys %workers;
    $_->read_all for @clients;
    ok(Weir::wait_for(sub {
        my $s = eval { upstream_of($w, 'b') } or return 0;
        return $s->{queued} == 0 && $s->{servers}[0]{active} == 0;
    }), 'their places are free');
    open_gate('b');
    my $r;
    ok(Weir::wait_for(sub { $r = eval { $w->get('http', '/b-again') }; ($r->{status} // 0) == 200 }), 'and are taken again')
        or diag explain $r;
    my @wrong = $w->stop;
    is("@wrong", '', 'ends well');
}

# ---- servers that misbehave give their places back all the same
{
    my $w = Weir->new(ports => [qw(http admin e gone)], conf => <<'CONF');
workers = 2;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; }, { address = "127.0.0.1:{{admin}}"; admin = true; } );
upstreams = ( { name = "e"; queue = { timeout = "20s"; };
    servers = ( { address = "127.0.0.1:{{e}}"; max_connections = 1; } ); },
  { name = "gone"; servers = ( { address = "127.0.0.1:{{gone}}"; max_connections = 1; } ); } );
sites = ( { name = "all"; timeouts = { read = "1s"; }; retry = 1; routes = (
  { prefix = "/gone"; proxy = "gone"; }, { prefix = "/"; proxy = "e"; } ); } );
CONF
    $dir = $w->dir;
    my %bad = (reset => 502, garbage => 502, hang => 504, partial => 502, dribble => 200);
    $w->allow(qr/"GET \/(?:reset|garbage|hang|partial|gone)/);
    $w->upstream('e', {(map { ("/$_" => {do => $_, gap => 0.1}) } keys %bad), '*' => {do => 'fixed', body => 'ok'}});
    $w->start;
    for my $how (sort keys %bad) {
        my $c = ask($w, "/$how");
        my @others = map { ask($w, "/ok$_") } 1 .. 3;
        is(status_of($c), $bad{$how}, "the server: $how");
        is($_->read_response->{body}, 'ok', 'another is served') for @others;
    }
    # The client goes away while the server has its request.
    my $c = ask($w, '/hang?2');
    ok(Weir::wait_for(sub { upstream_of($w, 'e')->{servers}[0]{active} == 1 }), 'full');
    my @others = map { ask($w, "/ok$_") } 1 .. 3;
    waits_for($w, 'e', 3);
    $c->reset;
    is($_->read_response->{body}, 'ok', 'the client has left: another is served') for @others;
    $_->close for @others;
    is(status_of(ask($w, "/gone$_")), 502, 'a server that cannot be connected to is not full') for 1 .. 3;
    ok(Weir::wait_for(sub { upstream_of($w, 'gone')->{servers}[0]{active} == 0 }), 'nor does it hold anything');
    my @wrong = $w->stop;
    is("@wrong", '', 'ends well');
}

# ---- many who stay with a server that hangs: they keep nobody from the others
{
    my $w = Weir->new(ports => [qw(http admin a d)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; }, { address = "127.0.0.1:{{admin}}"; admin = true; } );
upstreams = ( { name = "a"; sticky = { }; queue = { size = 100; timeout = "20s"; }; servers = (
  { address = "127.0.0.1:{{a}}"; max_connections = 1; }, { address = "127.0.0.1:{{d}}"; max_connections = 1; } ); } );
sites = ( { name = "all"; access_log = false; routes = ( { prefix = "/"; proxy = "a"; } ); } );
CONF
    $dir = $w->dir;
    close_gate('a');
    $w->upstream('a', gated('a'));
    $w->upstream('d', {do => 'fixed', body => 'other'});
    $w->start;
    open_gate('a');
    my %cookie;
    for (1 .. 4) {
        my $r = $w->get('http', '/');
        $cookie{$r->{body} eq 'other' ? 'd' : 'a'} = (header($r, 'Set-Cookie') // '') =~ s/;.*//sr;
    }
    ok($cookie{a} && $cookie{d}, 'clients of both servers') or diag explain \%cookie;
    close_gate('a');
    my $before = came('a');
    my @stuck = map { ask($w, "/stuck$_", fields => [Cookie => $cookie{a}]) } 1 .. 30;
    waits_for($w, 'a', 29);
    my $begun = time;
    for (1 .. 20) {
        my $r = $w->get('http', '/', headers => [Cookie => $cookie{d}], timeout => 20);
        last if !is("$r->{status} " . ($r->{body} // ''), '200 other', 'the client of the other server is served');
        is($w->get('http', '/', timeout => 20)->{body}, 'other', 'and one that is new');
    }
    cmp_ok(time - $begun, '<', 15, 'without the queue\'s time');
    is(came('a'), $before + 1, 'those who wait got nothing meanwhile');
    open_gate('a');
    is(join(' ', map { status_of($_) } @stuck), join(' ', (200) x 30), 'then each is served');
    $_->close for @stuck;
    my @wrong = $w->stop;
    is("@wrong", '', 'ends well');
}

# ---- a reload: those of the older generation count
{
    my $conf = <<'CONF';
workers = 2;
pid_file = "{{dir}}/weir.pid";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; }, { address = "127.0.0.1:{{admin}}"; admin = true; } );
upstreams = ( { name = "a"; servers = ( { address = "127.0.0.1:{{a}}"; max_connections = 2; } ); } );
sites = ( { name = "all"; routes = ( { prefix = "/"; proxy = "a"; } ); } );
CONF
    my $w = Weir->new(ports => [qw(http admin a)], conf => $conf);
    $dir = $w->dir;
    $w->upstream('a', gated('a'));
    $w->start;
    my @old = map { ask($w, "/old$_") } 1, 2;
    ok(Weir::wait_for(sub { came('a') == 2 }), 'full');
    $w->conf("$conf# another\n");
    my $generation = sub { decode_json($w->get('admin', '/api/v1/status', headers => [Host => 'localhost'])->{body})->{generation} };
    my $before = $generation->();
    $w->signal('HUP');
    ok(Weir::wait_for(sub { (eval { $generation->() } // $before) > $before }), 'reloaded');
    my $new = ask($w, '/new');
    waits_for($w, 'a', 1);
    is(came('a'), 2, 'the new generation waits for the old one');
    open_gate('a');
    is(status_of($_), 200, 'served') for @old, $new;
    is(most('a'), 2, 'never more than two');
    $_->close for @old, $new;
    my @wrong = $w->stop;
    is("@wrong", '', 'ends well');
}

# ---- slow start: a server that comes back has a tenth of its share, counted in requests
{
    my $w = Weir->new(ports => [qw(http a b)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; } );
upstreams = ( { name = "ab"; slow_start = "20m"; passive = { errors = 2; window = "60s"; pause = "500ms"; };
    servers = ( { address = "127.0.0.1:{{a}}"; }, { address = "127.0.0.1:{{b}}"; } ); } );
sites = ( { name = "all"; routes = ( { prefix = "/"; proxy = "ab"; } ); } );
CONF
    $dir = $w->dir;
    $w->upstream('a', {do => 'fixed', body => 'a'});
    $w->upstream('b', sub {
        my ($conn) = @_;
        return $conn->reset && 0 if -e "$dir/gate-bad";
        $conn->send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb");
        return 1;
    });
    $w->start;
    $w->allow(qr/server|upstream/);
    my %at = (a => 0, b => 0);
    $at{$w->get('http', '/')->{body}}++ for 1 .. 20;
    is_deeply(\%at, {a => 10, b => 10}, 'at the start both have the whole share');
    open_gate('bad');
    ok(Weir::wait_for(sub { $w->get('http', '/'); $w->read('error.log') =~ /ejected for/ }), 'one fails');
    close_gate('bad');
    ok(Weir::wait_for(sub { $w->get('http', '/'); $w->read('error.log') =~ /used again after its pause/ }), 'and is back');
    %at = (a => 0, b => 0);
    $at{$w->get('http', '/')->{body}}++ for 1 .. 140;
    # 6 of 70: a share has 64 parts.
    ok($at{b} >= 11 && $at{b} <= 13, 'with a tenth of its share') or diag explain \%at;
    my @wrong = $w->stop;
    is("@wrong", '', 'ends well');
}

# ---- load that is shed: the worker is made late by stopping it again and again
{
    my $w = Weir->new(ports => [qw(http admin)], conf => <<'CONF');
workers = 1;
limits = { shed = "80ms"; };
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; }, { address = "127.0.0.1:{{admin}}"; admin = true; } );
sites = ( { name = "all"; routes = (
  { prefix = "/high"; respond = { status = 200; body = "high"; }; priority = "high"; },
  { prefix = "/low"; respond = { status = 200; body = "low"; }; priority = "low"; },
  { prefix = "/status"; status = true; priority = "low"; },
  { prefix = "/"; respond = { status = 200; body = "normal"; }; } ); } );
CONF
    $w->allow(qr/requests of (?:low|normal) priority are turned away/);
    $w->start;
    is($w->get('http', '/low')->{status}, 200, 'nothing is shed');
    my ($worker) = map { $_->{pid} }
        @{decode_json($w->get('admin', '/api/v1/status', headers => [Host => 'localhost'])->{body})->{workers}};
    my $brake = fork // die "fork: $!";
    if (!$brake) {
        $SIG{TERM} = 'DEFAULT';
        while (getppid != 1) {
            kill STOP => $worker or last;
            sleep 0.2;
            kill CONT => $worker;
            sleep 0.004;
        }
        POSIX::_exit(0);
    }
    my $r;
    ok(Weir::wait_for(sub { ($r = $w->get('http', '/low'))->{status} == 503 }, 30), 'low ones are turned away');
    is(header($r, 'retry-after'), 1, 'Retry-After');
    ok(Weir::wait_for(sub { $w->get('http', '/')->{status} == 503 }, 30), 'then normal ones');
    is($w->get('http', '/high')->{status}, 200, 'high ones never') for 1 .. 3;
    is($w->get('http', '/status/')->{status}, 200, 'nor who looks after Weir');
    kill TERM => $brake;
    waitpid $brake, 0;
    kill CONT => $worker;
    ok(Weir::wait_for(sub { $w->get('http', '/low')->{status} == 200 }, 60), 'and it is over');
    ok($w->wait_log(qr/no requests are turned away any more; there were [1-9]/, 60), 'said once');
    my $lines = grep { /requests of low priority are turned away/ } $w->log_lines;
    my $ends = grep { /no requests are turned away any more/ } $w->log_lines;
    is($lines, $ends, 'a line for each time it began');
    my $metrics = $w->get('admin', '/metrics', headers => [Host => 'localhost'])->{body};
    like($metrics, qr/^weir_shed_total\{priority="low"\} [1-9]/m, 'counted');
    like($metrics, qr/^weir_shed_total\{priority="normal"\} [1-9]/m, 'by priority');
    like($metrics, qr/^weir_shed_total\{priority="high"\} 0$/m, 'none of the high ones');
    my @wrong = $w->stop;
    is("@wrong", '', 'ends well');
}

# ---- what is wrong in the file
{
    my $w = Weir->new;
    my @rows = (
        ['queue = { size = -1; };', qr/:4: 'size' is out of range; write a value from 0/],
        ['queue = { timeout = 0; };', qr/:4: 'timeout' is out of range/],
        ['queue = { length = 3; };', qr/:4: .*"?length/],
        ['slow_start = "soon";', qr/:4: .*'slow_start'/],
    );
    for my $row (@rows) {
        my ($text, $re) = @$row;
        $w->conf(<<"CONF");
listeners = ( "127.0.0.1:{{http}}" );
upstreams = ( { name = "a"; servers = ( "127.0.0.1:1" );

  $text
} );
sites = ( { routes = ( { proxy = "a"; } ); } );
CONF
        my $r = $w->run('-t', '-c', $w->{conf});
        isnt($r->{exit}, 0, "refused: $text");
        like("$r->{out}$r->{err}", $re, 'with its place');
    }
    $w->conf(<<'CONF');
listeners = ( "127.0.0.1:{{http}}" );
limits = { shed = 0; };
sites = ( { routes = (
  { respond = 200; priority = "urgent"; } ); } );
CONF
    my $r = $w->run('-t', '-c', $w->{conf});
    isnt($r->{exit}, 0, 'refused');
    like("$r->{out}$r->{err}", qr/:2: .*'shed'/, 'shed = 0');
    like("$r->{out}$r->{err}", qr/:4: .*"urgent".*"high"/, 'a priority that is none');
    $w->conf(<<'CONF');
listeners = ( "127.0.0.1:{{http}}" );
defaults = { queue = 7; slow_start = "3s"; max_connections = 5; };
upstreams = ( { name = "a"; servers = ( "127.0.0.1:1" ); } );
sites = ( { routes = ( { proxy = "a"; priority = "low"; } ); } );
CONF
    $r = $w->run('explain', '-c', $w->{conf}, 'http://a.test/');
    like($r->{out}, qr/^queue +at most 7 requests, for 10s$/m, 'explain: the queue') or diag "$r->{out}$r->{err}";
    like($r->{out}, qr/at most 5 connections, slow start 3s/, 'explain: the server');
    like($r->{out}, qr/priority low/, 'explain: the priority');
    $r = $w->run('explain', '--json', '-c', $w->{conf}, 'http://a.test/');
    my $j = eval { decode_json($r->{out}) };
    like($r->{out}, qr/"queue": ?\{"size": ?7/, 'explain: JSON') or diag "$r->{out}$r->{err}";
}

done_testing;
