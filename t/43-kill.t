#!/usr/bin/env perl

# kill -9 of a worker, the keeper, the master: what goes on, what is replaced, who takes over.

use strict;
use warnings;
use FindBin;
use POSIX ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Load;
use Weir::Processes;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 180;

# Kills one process; the line of the log that says so.
sub kill_child {
    my ($w, $pid) = @_;
    kill KILL => $pid;
    return $w->wait_log(qr/(?:worker|keeper) \d+ \[$pid\] was ended by signal 9; another one is started/);
}

# The role that a process shows in its name.
sub role_of {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/comm" or return '';
    return readline($in) =~ /\Aweir (\w+)/ ? $1 : '';
}

# ---- each process of a running instance, one after the other
{
    my $w = running(workers => 3);
    my @kids = $w->children;
    is(scalar @kids, 4, 'three workers and a keeper');
    for my $pid (@kids) {
        my $role = role_of($pid);
        like(kill_child($w, $pid), qr/ $role \d/, "the end of a $role by signal is in the log");
        ok(eventually(sub { my @now = $w->children; @now == 4 && !grep { $_ == $pid } @now }), 'and another one is there');
        is(body_is($w, 'http', 'one'), 'one', 'requests are answered');
    }
    ok(eventually(sub { $w->run('-c', $w->dir . '/weir.conf', '-s', 'reload')->{exit} == 0 }), 'the new keeper works');
    $w->allow(qr/was ended by signal 9/);
    $w->stop_ok;
}

# ---- a client of the worker that is killed is cut, those of others are not
{
    my $w = running(workers => 2);
    my @clients = map { $w->client('http') } 1 .. 20;
    my $ask = sub {
        my ($c) = @_;
        $c->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        my $r = $c->read_response;
        return ($r->{body} // '') eq "one\n";
    };
    is(scalar(grep { $ask->($_) } @clients), 20, 'twenty connections');
    my @kids = $w->children;
    my $lost = 0;
    kill KILL => $kids[0];
    ok($w->wait_log(qr/\[$kids[0]\] was ended by signal 9/), 'one process is killed');
    for my $c (@clients) {
        $lost++ if !$ask->($c);
    }
    ok($lost < 20, "the others go on ($lost lost)");
    is(body_is($w, 'http', 'one'), 'one', 'new connections are served');
    $w->allow(qr/was ended by signal 9/);
    $w->stop_ok;
}

# ---- a worker that does not move: the next one takes its clients long before the watchdog ends it
{
    my $w = running(workers => 2);
    my ($stuck) = grep { role_of($_) eq 'worker' } $w->children;
    kill STOP => $stuck;
    my $answered = 0;
    for (1 .. 30) {
        my $r = eval { $w->get('http', '/') };
        $answered++ if ($r->{body} // '') eq "one\n";
    }
    is($answered, 30, 'all new clients are answered');
    ok(!(grep { /has not moved/ } $w->log_lines), 'before the watchdog barks');
    kill CONT => $stuck;
    is(body_is($w, 'http', 'one'), 'one', 'and when it moves again');
    $w->stop_ok;
}

# ---- a worker that does not move is replaced by the watchdog
{
    my $w = running(workers => 1);
    my @kids = $w->children;
    kill STOP => $_ for @kids;
    ok($w->wait_log(qr/\[$kids[0]\] has not moved for \d+ ms \(watchdog\): killed/, 30), 'a stopped process is noticed');
    ok(eventually(sub { my @now = $w->children; @now == 2 && !grep { $_ == $kids[0] || $_ == $kids[1] } @now }),
        'both are replaced');
    is(body_is($w, 'http', 'one'), 'one', 'and requests answered');
    $w->allow(qr/was ended by signal 9/, qr/has not moved/);
    $w->stop_ok;
}

# ---- the master: its processes serve on, another one takes over
for my $how ('same configuration', 'other configuration') {
    my $w = running(workers => 2);
    my $master = $w->pid;
    my @orphans = $w->children;
    my @load = map { Weir::Load->start(port => $w->port('http'), mode => $_) } qw(keepalive close pipeline);
    kill KILL => $master;
    ok(eventually(sub { $w->_ended }), "$how: the master is gone");
    ok($w->wait_log(qr/the master is gone; serving on/), 'its processes notice');
    is($w->get('http', '/')->{body}, "one\n", 'and serve on');
    is(scalar(grep { alive($_) } @orphans), 3, 'all of them');
    my $r = $w->run('-c', $w->dir . '/weir.conf', '-s', 'reload');
    is($r->{exit}, 1, 'a reload fails');
    like($r->{err}, qr{has died; .*`weir -c \S+` starts a new master}s, 'with what is to be done');

    $w->conf(conf(body => 'two', workers => 3)) if $how =~ /other/;
    start_up($w);
    my $want = $how =~ /other/ ? 'two' : 'one';
    is(body_is($w, 'http', $want), $want, 'a new master takes over');
    ok(eventually(sub { !grep { alive($_) } @orphans }), 'the orphans drain and end');
    my @kids = $w->children;
    is(scalar @kids, $how =~ /other/ ? 4 : 3, 'its own processes are there');
    $r = $w->run('-c', $w->dir . '/weir.conf', '-s', 'reload');
    is($r->{exit}, 0, 'it reloads') or diag $r->{err};
    my @failures = map { @{$_->stop->{failures}} } @load;
    is_deeply(\@failures, [], 'no request failed');
    $w->allow(qr/the master is gone/);
    $w->stop_ok;
    ok(!-e $w->dir . "/$_", "$_ is removed") for qw(weir.pid control.sock control.sock.take);
}

# The descriptor of a process's board, for reading and writing.
sub board_of {
    my ($pid) = @_;
    my ($path) = grep { (readlink($_) // '') =~ /memfd:weir-board/ } glob "/proc/$pid/fd/*";
    open my $board, '+<:raw', $path or die "$path: $!";
    return $board;
}

# Bytes of its head, whose first words lie at the same place in every version.
sub head_of {
    my ($board, $at, $n) = @_;
    sysseek $board, $at, 0 or die "seek: $!";
    (sysread($board, my $bytes, $n) // 0) == $n or die 'short read';
    return $bytes;
}

# ---- a master of another version, whose board is laid out otherwise, and one whose board is none
for my $case (['layout', 8], ['magic', 0]) {
    my ($what, $at) = @$case;
    my $w       = running(workers => 2);
    my @orphans = $w->children;
    my @load    = map { Weir::Load->start(port => $w->port('http'), mode => $_) } qw(keepalive close);
    my $board   = board_of($orphans[0]);
    my $secret  = head_of($board, 24, 32);
    isnt($secret, "\0" x 32, 'the board has a secret');
    kill KILL => $w->pid;
    ok(eventually(sub { $w->_ended }), "another $what: the master is gone");
    sysseek $board, $at, 0;
    syswrite $board, 'another!';
    $w->conf(conf(body => 'two', workers => 3));
    start_up($w);
    my @kids = $w->children;
    if ($what eq 'layout') {
        ok($w->wait_log(qr/board of another layout: they drain and end by themselves/), 'which is said');
        ok(eventually(sub { !grep { alive($_) } @orphans }), 'the orphans drain and end');
        is(head_of(board_of($kids[0]), 24, 32), $secret, 'the secret goes on');
    }
    else {
        ok($w->wait_log(qr/a board that this version does not know/), 'which is said');
        is(scalar(grep { alive($_) } @orphans), 3, 'the orphans are there still');
        isnt(head_of(board_of($kids[0]), 24, 32), $secret, 'the secret is new');
        kill TERM => @orphans;
        ok(eventually(sub { !grep { alive($_) } @orphans }), 'and end by hand');
    }
    is(body_is($w, 'http', 'two'), 'two', 'the new processes serve');
    my $own = board_of($kids[0]);    # who ends with the reload
    is($w->run('-c', $w->dir . '/weir.conf', '-s', 'reload')->{exit}, 0, 'and reload');
    is((head_of($board, 16, 8) eq head_of($own, 16, 8)) ? 1 : 0, 0, 'there are two boards');
    close $_ for $board, $own;
    my @failures = map { @{$_->stop->{failures}} } @load;
    is_deeply(\@failures, [], 'no request failed') if $what eq 'layout';
    $w->allow(qr/the master is gone/, qr/the former processes have a board/);
    $w->stop_ok;
}

# ---- twice in a row, and then all at once
{
    my $w = running(workers => 2);
    for my $n (1, 2) {
        kill KILL => $w->pid;
        ok(eventually(sub { $w->_ended }), "master $n is killed");
        start_up($w);
        is($w->get('http', '/')->{body}, "one\n", 'the next one takes over');
    }
    my @all = ($w->pid, $w->children);
    kill KILL => @all;
    ok(eventually(sub { $w->_ended && !grep { alive($_) } @all }), 'all are killed');
    start_up($w);
    is($w->get('http', '/')->{body}, "one\n", 'a new instance starts over what was left');
    $w->allow(qr/the master is gone/);
    $w->stop_ok;
}

# ---- the orphans of a master end with the next one, also at once
{
    my $w = running();
    my @orphans = $w->children;
    kill KILL => $w->pid;
    ok(eventually(sub { $w->_ended }), 'the master is killed');
    my $c = $w->client('http');
    $c->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    is($c->read_response->{body}, "one\n", 'a connection to an orphan');
    $c->send("GET / HTTP/1.1\r\n");    # keeps it busy
    start_up($w);
    $w->allow(qr/the master is gone/);
    $w->stop_ok('TERM');
    ok(eventually(sub { !grep { alive($_) } @orphans }), 'TERM ends the orphans too');
}

# ---- a command to the orphans of a master: what has happened, and what to do, either of which works
for my $how ('start', 'kill') {
    my $w       = running();
    my @orphans = $w->children;
    my $master  = $w->pid;
    kill KILL => $master;
    ok(eventually(sub { $w->_ended }), 'the master is killed');
    for my $command (qw(quit reload)) {
        my $r = $w->run('-s', $command, '-c', $w->dir . '/weir.conf');
        is($r->{exit}, 1, "-s $command fails");
        like($r->{err}, qr/^weir: the master \(process $master\) has died; its workers still serve/, 'which is why');
        like($r->{err}, qr/^weir: `weir -c \S+weir\.conf` starts a new master, which takes over/m, 'a way out');
        my ($pids) = $r->{err} =~ /^weir: To stop them instead, at once: kill((?: \d+)+)$/m;
        is(join(' ', sort { $a <=> $b } split ' ', $pids // ''), join(' ', sort { $a <=> $b } @orphans), 'another way out');
    }
    is($w->get('http', '/')->{body}, "one\n", 'they do serve');
    if ($how eq 'kill') {
        kill TERM => @orphans;
        ok(eventually(sub { !grep { alive($_) } @orphans }), 'they end by hand');
    }
    start_up($w);
    ok(eventually(sub { $w->run('-s', 'reload', '-c', $w->dir . '/weir.conf')->{exit} == 0 }), 'the new master takes commands');
    $w->allow(qr/the master is gone/);
    $w->stop_ok;
}

# ---- a master that dies in a reload leaves one generation serving
{
    my $w = running();
    $w->conf(conf(body => 'two'));
    $w->signal('HUP');
    kill KILL => $w->pid;
    ok(eventually(sub { $w->_ended }), 'the master is killed in a reload');
    my $body = '';
    eventually(sub { $body = eval { $w->get('http', '/')->{body} } // ''; $body ne '' });
    like($body, qr/\A(?:one|two)\n\z/, 'one configuration serves');
    start_up($w);
    is(body_is($w, 'http', 'two'), 'two', 'the next master serves the new one');
    $w->allow(qr/the master is gone/);
    $w->stop_ok;
}

done_testing;
