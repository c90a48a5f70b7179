#!/usr/bin/env perl

# Reload: by signal and by command, good and bad files, listeners and workers that come and go, all under load.

use strict;
use warnings;
use FindBin;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Load;
use Weir::Processes;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 180;

sub reload {
    my ($w) = @_;
    return $w->run('-c', $w->dir . '/weir.conf', '-s', 'reload');
}

sub load {
    my ($w, $name) = @_;
    return map { Weir::Load->start(port => $w->port($name), mode => $_) } qw(keepalive close pipeline);
}

sub load_ok {
    my ($what, @load) = @_;
    my ($requests, @failures) = (0);
    for my $l (@load) {
        my $r = $l->stop;
        $requests += $r->{requests};
        push @failures, @{$r->{failures}};
    }
    ok($requests > 0, "$what: $requests requests");
    is_deeply(\@failures, [], "$what: none failed");
    return;
}

# Whether a new connection can be made.
sub connects {
    my ($port) = @_;
    return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 0.3) ? 1 : 0;
}

# ---- by signal and by command
{
    my $w = running();
    my %before = map { $_ => 1 } $w->children;
    $w->conf(conf(body => 'two'));
    $w->signal('HUP');
    is(body_is($w, 'http', 'two'), 'two', 'HUP: the new configuration serves');
    ok(eventually(sub { !grep { $before{$_} } $w->children }), 'the old processes end');
    my @kids = $w->children;
    is(scalar @kids, 3, 'as many as before are there');
    $w->conf(conf(body => 'three'));
    my $r = reload($w);
    is($r->{exit}, 0, '-s reload succeeds');
    like($r->{out}, qr/^Generation 3 serves: 2 workers, 1 listener\.$/, 'and says what serves');
    is($w->get('http', '/')->{body}, "three\n", 'the very next connection has the new configuration');
    $w->stop_ok;
}

# ---- a bad file changes nothing and is told about
{
    my $w = running();
    my @before = $w->children;
    $w->conf(conf(top => "no_such_setting = 1;\nneither_this = 2;"));
    my $r = reload($w);
    is($r->{exit}, 1, 'a bad file: exit 1');
    like($r->{err}, qr/weir\.conf:\d+: .*no_such_setting.*\n.*weir\.conf:\d+: .*neither_this/, 'all errors, with place');
    is_deeply([$w->children], \@before, 'the processes stay');
    is($w->get('http', '/')->{body}, "one\n", 'the old configuration serves');
    $w->signal('HUP');
    ok($w->wait_log(qr/reload refused: .*no_such_setting/), 'HUP: the errors are in the log');
    $w->conf(conf() . "}");
    is(reload($w)->{exit}, 1, 'a file that cannot be parsed: exit 1');
    unlink $w->dir . '/weir.conf';
    $w->allow(qr/reload refused/);
    is($w->get('http', '/')->{body}, "one\n", 'the old configuration serves still');
    $w->conf(conf(body => 'two'));
    is(reload($w)->{exit}, 0, 'a good one is accepted afterwards');
    is($w->get('http', '/')->{body}, "two\n", 'and serves');
    $w->stop_ok;
}

# ---- a kept connection has one more answer of the old configuration, or ends after its time
{
    my $w = weir();
    $w->conf(conf() =~ s/^sites/defaults = { timeouts = { keepalive = "1500ms"; }; };\nsites/mr =~ s/drain_timeout = "5s"/drain_timeout = "60s"/r);
    start_up($w);
    my ($idle, $used) = map { $w->client('http') } 1, 2;
    for my $c ($idle, $used) {
        $c->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        is($c->read_response->{body}, "one\n", 'a connection is used');
    }
    $w->conf(conf(body => 'two') =~ s/^sites/defaults = { timeouts = { keepalive = "1500ms"; }; };\nsites/mr);
    is(reload($w)->{exit}, 0, 'a reload');
    $used->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    is($used->read_response->{body}, "one\n", 'the next request there has the old answer');
    ok($used->is_closed, 'the last one on it');
    ok($idle->is_closed, 'who asks nothing is closed long before drain_timeout');
    is($w->get('http', '/')->{body}, "two\n", 'new connections have the new configuration');
    $w->stop_ok;
}

# ---- an address that is taken
{
    my $w = running(ports => [qw(http b c)]);
    my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => $w->port('c'))
        or die "listen: $!";
    $w->conf(conf(listeners => '"127.0.0.1:{{http}}", "127.0.0.1:{{b}}", "127.0.0.1:{{c}}"', body => 'two'));
    my $r = reload($w);
    is($r->{exit}, 1, 'an address in use: exit 1');
    my $port = $w->port('c');
    like($r->{err}, qr/127\.0\.0\.1:$port is in use by process $$ /, 'and whose it is');
    like($r->{err}, qr/weir\.conf:\d+: cannot listen/, 'and which line names it');
    is($w->get('http', '/')->{body}, "one\n", 'the old configuration serves');
    ok(!connects($w->port('b')), 'what was bound before that is closed again');
    $w->allow(qr/reload refused/);
    $w->stop_ok;
}

# ---- many requests for a reload at once become few reloads
{
    my $w = running();
    $w->conf(conf(body => 'two'));
    my @pids;
    for (1 .. 8) {
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            my $s = IO::Socket::UNIX->new(Peer => $w->dir . '/control.sock') or POSIX::_exit(2);
            my $c = Weir::Client->new(sock => $s);
            $c->send("POST /api/v1/reload HTTP/1.1\r\nHost: weir\r\nContent-Length: 0\r\n\r\n");
            my $r = $c->read_response;
            POSIX::_exit(($r->{status} // 0) == 200 ? 0 : 1);
        }
        push @pids, $pid;
    }
    my $failed = 0;
    for my $pid (@pids) {
        waitpid $pid, 0;
        $failed++ if $?;
    }
    is($failed, 0, 'each asker gets an outcome');
    my $n = grep { /Generation \d+ serves/ } $w->log_lines;
    ok($n >= 2 && $n <= 9, "in $n generations");
    is($w->get('http', '/')->{body}, "two\n", 'the new configuration serves');
    $w->stop_ok;
}

# ---- under load: plain reloads, workers changed, listeners added and removed
{
    my $w = running(ports => [qw(http b)]);
    my $b = '"127.0.0.1:{{http}}", "127.0.0.1:{{b}}"';
    my @load = load($w, 'http');
    my $n = 0;
    for my $case (
        {}, {workers => 4}, {workers => 1}, {workers => 3}, {listeners => $b},
        {listeners => $b, workers => 2}, {}, {workers => 2}, {workers => 2},
    ) {
        $n++;
        $w->conf(conf(%$case, body => "step $n"));
        my $r = reload($w);
        is($r->{exit}, 0, "step $n") or diag $r->{err};
        is($w->get('http', '/')->{body}, "step $n\n", "step $n serves");
        my $port = $w->port('b');
        like($r->{out}, qr/2 listeners\. Added: 127\.0\.0\.1:$port\.$/, 'which says what was added') if $n == 5;
        like($r->{out}, qr/1 listener\. Removed: 127\.0\.0\.1:$port\.$/, 'and what was removed') if $n == 7;
        my $has = ($case->{listeners} // '') ne '' ? 1 : 0;
        if ($has) { is($w->get('b', '/')->{body}, "step $n\n", 'the added listener too') }
        else      { ok(!connects($w->port('b')), 'no listener at the other port') }
    }
    load_ok('nine reloads', @load);
    $w->stop_ok;
}

# ---- a removed listener answers those who came before
{
    my $w = running(ports => [qw(http b)], listeners => '"127.0.0.1:{{http}}", "127.0.0.1:{{b}}"', workers => 3);
    my @load = load($w, 'http');
    my @held = map { $w->client('b') } 1 .. 10;
    for my $c (@held) {
        $c->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        $c->read_response;
        $c->send("GET / HTTP/1.1\r\nHost: a.test\r\n");
    }
    $w->conf(conf(body => 'two', workers => 3));
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        my $r = reload($w);
        POSIX::_exit($r->{exit});
    }
    # Who gets a connection gets an answer, until nobody gets one any more.
    my ($tried, $answered) = (0, 0);
    eventually(sub {
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $w->port('b'), Timeout => 0.3)
            or return 1;
        my $c = Weir::Client->new(sock => $s);
        $tried++;
        $c->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        $answered++ if ($c->read_response->{body} // '') eq "one\n";
        return 0;
    });
    ok(!connects($w->port('b')), 'no new connections');
    is($answered, $tried, "all $tried who were connected are answered");
    my $done = 0;
    for my $c (@held) {
        $c->send("\r\n");
        $done++ if ($c->read_response->{body} // '') eq "one\n";
    }
    is($done, 10, 'requests under way are answered');
    waitpid $pid, 0;
    is($?, 0, 'the reload succeeds');
    my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => $w->port('b'), ReuseAddr => 1);
    ok($s, 'the address is free for others');
    undef $s;
    load_ok('the other listener', @load);
    $w->stop_ok;
}

# ---- more generations than are allowed: the oldest one's connections end
{
    my $w = weir();
    $w->conf(conf() =~ s/drain_timeout = "5s"/drain_timeout = "10m"/r);
    start_up($w);
    my @held;
    for my $n (1 .. 10) {
        my $c = $w->client('http');
        $c->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        $c->read_response;
        $c->send("GET / HTTP/1.1\r\nHost: a.te");    # a request under way keeps its worker
        push @held, $c;
        is(reload($w)->{exit}, 0, "reload $n");
    }
    ok($w->wait_log(qr/is ended: there are/), 'the oldest generation is ended');
    ok(eventually(sub { $held[0]->is_closed }), 'with its connection');
    $w->stop_ok('TERM');
}

done_testing;
