#!/usr/bin/env perl

# Start, signals, pid file, daemon, second instance, errors at start, logs.

use strict;
use warnings;
use FindBin;
use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Processes;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 120;

# ---- start, what runs, each way to end
for my $signal (qw(QUIT TERM INT)) {
    my $w = running();
    is(body_is($w, 'http', 'one'), 'one', "answers ($signal)");
    is(pid_of($w), $w->pid, 'the pid file names the master');
    my @kids = $w->children;
    is(scalar @kids, 3, 'two workers and a keeper');
    is(sprintf('%o', (stat $w->dir . '/control.sock')[2] & 0777), '660', 'mode of the control socket');
    is(sprintf('%o', (stat $w->dir . '/control.sock.take')[2] & 0777), '600', 'mode of the take-over socket');
    $w->stop_ok($signal, "ends clean on $signal");
    ok(!-e $w->dir . "/$_", "$_ is removed") for qw(weir.pid control.sock control.sock.take);
}

# ---- by command
for my $command (qw(quit stop)) {
    my $w = running();
    my $pid = $w->pid;
    my $r = $w->run('-c', $w->dir . '/weir.conf', '-s', $command);
    is($r->{exit}, 0, "-s $command succeeds");
    like($r->{out}, qr/^Weir ends/, 'and says so');
    ok(gone($pid), 'and waited for the end');
    eventually(sub { $w->_ended });
    is(scalar(grep { !/ (?:info|notice) / } $w->log_lines), 0, 'nothing wrong in the log');
}

# ---- QUIT lets a request end, a second signal does not
for my $case (['QUIT', 'QUIT'], ['QUIT', 'TERM']) {
    my $w = running();
    my ($c, $held) = map { $w->client('http') } 1, 2;
    for my $client ($held, $c) {
        $client->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        is($client->read_response->{body}, "one\n", 'a connection is used');
        $client->send("GET / HTTP/1.1\r\nHost: a.test\r\n");
    }
    my $pid = $w->pid;
    $w->signal($case->[0]);
    ok($w->wait_log(qr/draining/), 'drains');
    $c->send("\r\n");
    my $r = $c->read_response;
    is($r->{body}, "one\n", 'a request that had begun is answered');
    ok($c->is_closed, 'and the connection closed');
    $w->stop_ok($case->[1], "ends on the second signal, $case->[1]");
}

# ---- TERM to all of its processes at once, as from a service manager
{
    my $w = running(top => 'defaults = { access_log = { path = "{{dir}}/access.log"; buffer = "64k"; flush = "60s"; }; };');
    is($w->get('http', '/')->{status}, 200, 'a request, of which the line is in a buffer');
    kill TERM => $w->children, $w->pid;
    ok(eventually(sub { $w->_ended }), 'all end');
    like($w->read('access.log'), qr{"GET / HTTP/1\.1" 200}, 'the line is in the log');
    unlike(join("\n", $w->log_lines), qr/ended by signal/, 'nobody was killed');
}

# ---- who comes while it drains goes elsewhere
for my $command (qw(quit signal)) {
    my $w = running(listeners => '"127.0.0.1:{{http}}", "unix:{{dir}}/web.sock", { address = "127.0.0.1:{{admin}}"; admin = true; }',
        ports => [qw(http admin)]);
    my $held = $w->client('http');
    $held->send("GET / HTTP/1.1\r\nHost: a.test\r\n");
    my $pid = $w->pid;
    my $quits;
    if ($command eq 'quit') {
        $quits = fork // die "fork: $!";
        if (!$quits) {
            open STDOUT, '>', '/dev/null';
            exec Weir::binary(), '-c', $w->dir . '/weir.conf', '-s', 'quit' or POSIX::_exit(127);
        }
    } else {
        $w->signal('QUIT');
    }
    ok($w->wait_log(qr/draining/), "drains ($command)");
    my $new;
    ok(eventually(sub {
        $new = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $w->port('http'), Timeout => 5);
        return !$new && $!{ECONNREFUSED};
    }), 'a new client is refused');
    ok(!IO::Socket::UNIX->new(Peer => $w->dir . '/web.sock'), 'on a unix socket too');
    like($w->get('admin', '/', headers => [Host => 'localhost'])->{status}, qr/^[234]/, 'the admin listener still answers');
    ok(alive($pid), 'while the drain goes on');
    $held->send("\r\n");
    is($held->read_response->{body}, "one\n", 'and the request that had begun is answered');
    ok(eventually(sub { $w->_ended }), 'then it ends');
    waitpid $quits, 0 if $quits;
    ok(!-e $w->dir . '/web.sock', 'the path of the unix socket is removed');
}

# ---- who was in the queue when it began is still served
{
    my $w = running(workers => 1);
    my ($worker) = grep { -e "/proc/$_" && do { open my $in, '<', "/proc/$_/comm" or die; readline($in) =~ /worker/ } } $w->children;
    kill STOP => $worker;
    my $c = $w->client('http');
    $c->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    kill CONT => $worker;
    $w->signal('QUIT');
    is($c->read_response->{body}, "one\n", 'a connection that was not accepted yet');
    ok(eventually(sub { $w->_ended }), 'then it ends');
}

# ---- a client that never ends is cut by drain_timeout
{
    my $w = weir();
    $w->conf(conf() =~ s/drain_timeout = "5s"/drain_timeout = "1s"/r);
    start_up($w);
    my $c = $w->client('http');
    $c->send("GET / HTTP/1.1\r\nHost: a.te");
    eventually(sub { ($w->run('-v'))->{exit} == 0 });
    $w->signal('QUIT');
    ok(eventually(sub { $w->_ended }), 'drain_timeout ends it');
}

# ---- a second instance, a stranger on the port
{
    my $w = running();
    my $r = $w->run('-c', $w->dir . '/weir.conf');
    is($r->{exit}, 1, 'a second instance is refused');
    my $pid = $w->pid;
    like($r->{err}, qr/process $pid is the master already/, 'and told who is there');
    is(pid_of($w), $pid, 'the pid file stays');
    is(body_is($w, 'http', 'one'), 'one', 'the first one serves');
    $w->stop_ok;
}
{
    my $w = weir();
    my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', LocalPort => $w->port('http'),
        ReuseAddr => 1, ReusePort => 1) or die "listen: $!";
    my $r = $w->run('-c', $w->dir . '/weir.conf');
    is($r->{exit}, 1, 'a port in use is an error');
    my $port = $w->port('http');
    like($r->{err}, qr/127\.0\.0\.1:$port is in use by process $$ /, 'that says whose it is');
    ok(!-e $w->dir . '/control.sock', 'nothing is left behind');
}

# ---- errors of the configuration
{
    my $w = weir();
    $w->conf(conf(top => 'no_such_setting = 1;'));
    my $r = $w->run('-c', $w->dir . '/weir.conf');
    is($r->{exit}, 1, 'an unknown setting is an error');
    like($r->{err}, qr/weir\.conf:\d+: .*no_such_setting/, 'with its place');
    $r = $w->run('-c', $w->dir . '/none.conf');
    is($r->{exit}, 1, 'so is a file that is not there');
    like($r->{err}, qr/none\.conf/, 'which is named');
    $w->conf(conf(top => 'user = "no-such-user-here";'));
    if ($> == 0) {
        $r = $w->run('-c', $w->dir . '/weir.conf');
        is($r->{exit}, 1, 'so is an unknown user');
        like($r->{err}, qr/no-such-user-here/, 'who is named');
    }
}

# ---- the background
{
    my $w = weir();
    my $r = do {
        local $^F = 1000;    # what is opened now is inherited
        open my $inherited, '>', $w->dir . '/inherited' or die "inherited: $!";
        $w->run('-c', $w->dir . '/weir.conf', '-d');
    };
    is($r->{exit}, 0, '-d succeeds');
    my %open = map { $_ => 1 } grep { defined && m{/out\.\d+$|/inherited$} } map { readlink } map { glob "/proc/$_/fd/*" }
        pid_of($w), split ' ', do { my $p = pid_of($w); open my $fh, '<', "/proc/$p/task/$p/children"; <$fh> // '' };
    is_deeply(\%open, {}, 'with no process that holds what the caller had open');
    is($w->get('http', '/')->{body}, "one\n", 'and all is ready when it returns');
    my $pid = pid_of($w);
    ok(alive($pid), 'the pid file names a process');
    $r = $w->run('-c', $w->dir . '/weir.conf', '-d');
    is($r->{exit}, 1, 'a second one fails');
    like($r->{err}, qr/process $pid is the master already/, 'in words');
    $r = $w->run('-c', $w->dir . '/weir.conf', '-s', 'stop');
    is($r->{exit}, 0, 'stopped');
    ok(gone($pid), 'and gone');
    is($w->run('-c', $w->dir . '/weir.conf', '-s', 'stop')->{exit}, 1, 'nothing to stop any more');
}

# ---- logs are reopened, by signal and by command
{
    my $w = running();
    my $n = 0;
    for my $how ('signal', 'command') {
        $n++;
        rename $w->dir . '/error.log', $w->dir . "/error.log.$n" or die "rename: $!";
        if ($how eq 'signal') {
            $w->signal('USR1');
        } else {
            my $r = $w->run('-c', $w->dir . '/weir.conf', '-s', 'reopen');
            is($r->{exit}, 0, '-s reopen succeeds');
        }
        ok(eventually(sub { $w->read('error.log') =~ /logs reopened/ }), "a new file by $how");
    }
    $w->stop_ok;
}

# ---- several addresses, IPv6 with "*", unix
{
    my $w = weir(ports => [qw(http b)], listeners => '"*:{{http}}", "127.0.0.1:{{b}}", "unix:{{dir}}/web.sock"');
    $w->start;
    is(body_is($w, 'http', 'one'), 'one', 'any address');
    is(body_is($w, 'b', 'one'), 'one', 'a second one');
    my $s = IO::Socket::UNIX->new(Peer => $w->dir . '/web.sock');
    ok($s, 'a unix socket accepts');
    if ($s) {
        my $c = Weir::Client->new(sock => $s);
        $c->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
        is($c->read_response->{body}, "one\n", 'and is answered');
        $c->close;
    }
    $w->stop_ok;
    ok(!-e $w->dir . '/web.sock', 'its path is removed');
}

# ---- without a file
{
    my $w = Weir->new(ports => [qw(files front)]);
    mkdir $w->dir . '/root';
    $w->write('root/a.txt', "a file\n");
    my @pids = (
        $w->_spawn($w->dir . '/out', $w->dir . '/stderr', 'serve', $w->dir . '/root', '-l',
            '127.0.0.1:' . $w->port('files')),
        $w->_spawn($w->dir . '/out', $w->dir . '/stderr', 'proxy', '-u', '127.0.0.1:' . $w->port('files'), '-l',
            '127.0.0.1:' . $w->port('front')),
    );
    for my $name (qw(files front)) {
        my $body = '';
        eventually(sub { $body = (eval { $w->get($name, '/a.txt') } // {})->{body} // ''; $body eq "a file\n" });
        is($body, "a file\n", "$name: a file is served");
    }
    kill TERM => @pids;
    for my $pid (@pids) {
        waitpid $pid, 0;
        is($?, 0, 'ends without an error');
    }
    is($w->run('serve', $w->dir . '/none')->{exit}, 1, 'a directory that is not there: exit 1');
}

# ---- one address beside all of its port, in either order, and the other by a reload
{
    my %listeners = (all => '{ address = "*:{{http}}"; sites = [ "all" ]; }',
        one => '{ address = "127.0.0.2:{{http}}"; sites = [ "one" ]; }');
    my $text = sub {
        my @names = @_;
        my $sites = 'sites = ( ' . join(', ', map { qq({ name = "$_"; respond = { body = "$_"; }; }) } @names) . ' );';
        return conf(listeners => join(', ', @listeners{@names})) =~ s/^sites = .*/$sites/mr;
    };
    my $answer = sub {
        my ($w, $ip) = @_;
        my $s = IO::Socket::INET->new(PeerAddr => $ip, PeerPort => $w->port('http'), Timeout => 5) or return "connect: $!";
        print {$s} "GET / HTTP/1.0\r\n\r\n";
        return do { local $/; <$s> // '' } =~ s/.*\r\n\r\n//sr;
    };
    for my $order ([qw(all one)], [qw(one all)]) {
        my $w = weir();
        $w->conf($text->(@$order));
        is($w->run('-t', '-c', $w->dir . '/weir.conf')->{err}, '', "@$order: valid");
        start_up($w);
        is($answer->($w, '127.0.0.2') . ' ' . $answer->($w, '127.0.0.1'), 'one all', 'each has its connections');
        $w->stop_ok;
    }
    my $w = weir();
    $w->conf($text->('all'));
    start_up($w);
    is($answer->($w, '127.0.0.2'), 'all', 'all of them');
    $w->conf($text->(qw(all one)));
    is($w->run('-s', 'reload', '-c', $w->dir . '/weir.conf')->{exit}, 0, 'one more by a reload');
    is($answer->($w, '127.0.0.2') . ' ' . $answer->($w, '127.0.0.1'), 'one all', 'each has its connections');
    $w->stop_ok;
}

# ---- usage
{
    my $w = weir();
    is($w->run(@$_)->{exit}, 2, "usage: @$_")
        for ['-s'], ['-s', 'dance'], ['-t', '-T'], ['-d', '-t'], ['nonsense'], ['serve'], ['proxy'],
        ['-c', 'x', 'y'];
}

done_testing;
