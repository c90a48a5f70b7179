#!/usr/bin/env perl

# Listeners of mode "tcp": bytes go both ways as they are, whoever speaks first, ends first or is slow; servers are
# balanced, tried again and watched; who may connect, and where the name in a ClientHello leads.

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use FindBin;
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER SO_RCVBUF SHUT_WR);
use Time::HiRes qw(sleep time);
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Tls;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 170;

my $w = Weir->new(ports => [qw(first echo quiet named deny limited gone proxied inside a b dead)], conf => <<'CONF');
workers = 1;
pid_file = "{{dir}}/pid"; control = "unix:{{dir}}/control"; drain_timeout = "2s";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
defaults = { timeouts = { client_header = "1s"; connect = "1s"; }; };
listeners = ( { address = "127.0.0.1:{{first}}"; },
  { address = "127.0.0.1:{{echo}}"; mode = "tcp"; proxy = "ab";
    access_log = { path = "{{dir}}/tcp.log"; buffer = 0; format = "$protocol $status $bytes_received $bytes_sent $upstream_addr"; }; },
  { address = "127.0.0.1:{{named}}"; mode = "tcp";
    routes = ( { when = { sni = "a.test"; }; proxy = "a"; }, { when = { sni = "b.test"; }; proxy = "b"; },
      { when = { sni = [ "*.wild.test", "~^n[0-9]+\\.test$" ]; }; proxy = "a"; }, { when = { sni = [ ".dot.test", "pre.*" ]; }; proxy = "b"; } ); },
  { address = "127.0.0.1:{{quiet}}"; mode = "tcp"; proxy = "a"; timeouts = { tunnel = "2s"; };
    access_log = { path = "{{dir}}/quiet.log"; buffer = 0; format = "$status [$error]"; }; },
  { address = "127.0.0.1:{{deny}}"; mode = "tcp"; proxy = "a"; allow = "127.0.0.0/8"; deny = "127.0.0.1"; },
  { address = "127.0.0.1:{{gone}}"; mode = "tcp"; proxy = "some-gone"; },
  { address = "127.0.0.1:{{limited}}"; mode = "tcp"; proxy = "all-gone"; },
  { address = "127.0.0.1:{{proxied}}"; mode = "tcp"; proxy = "told"; proxy_protocol = true; trusted = "127.0.0.1"; }
);
upstreams = (
  { name = "ab"; servers = ( { address = "127.0.0.1:{{a}}"; }, { address = "127.0.0.1:{{b}}"; } ); },
  { name = "a"; servers = ( { address = "127.0.0.1:{{a}}"; } ); },
  { name = "b"; servers = ( { address = "127.0.0.1:{{b}}"; } ); },
  { name = "some-gone"; servers = ( { address = "127.0.0.1:{{dead}}"; }, { address = "127.0.0.1:{{a}}"; } ); },
  { name = "all-gone"; servers = ( { address = "127.0.0.1:{{dead}}"; } ); },
  { name = "told"; proxy_protocol = 1; servers = ( { address = "127.0.0.1:{{b}}"; } ); }
);
sites = ( { name = "web"; routes = ( { respond = 204; } ); } );
CONF
$w->allow(qr/upstream|client|tcp|TCP/);

# Servers: the first line says what they do.  "a" and "b" say their name first.
sub serve {
    my ($name, $conn) = @_;
    my $in = '';
    syswrite $conn, "$name\n";
    while ($in !~ /\n/) { return if !sysread $conn, $in, 4096, length $in }
    if ($in =~ s/\A(PROXY [^\r\n]*)\r\n//) {
        syswrite $conn, "$1\n";
        while ($in !~ /\n/) { return if !sysread $conn, $in, 4096, length $in }
    }
    $in =~ s/\A(\S*)(?: (\d+))?\n//;
    my ($how, $n) = ($1, $2);
    if ($how eq 'echo') {
        syswrite $conn, $in if length $in;
        while (sysread $conn, my $piece, 65536) { last if !defined syswrite $conn, $piece }
    } elsif ($how eq 'digest') {    # after the client's end
        my $all = $in;
        1 while sysread $conn, $all, 65536, length $all;
        syswrite $conn, md5_hex($all) . ' ' . length $all;
    } elsif ($how eq 'send') {      # ends first, and still reads
        my $unit = 'x' x 65536;
        for (my $left = $n; $left > 0; ) {
            my $done = syswrite $conn, $unit, $left < 65536 ? $left : 65536;
            return if !defined $done;
            $left -= $done;
        }
        shutdown $conn, SHUT_WR;
        my $rest = $in;
        1 while sysread $conn, $rest, 65536, length $rest;
        open my $log, '>>', $w->dir . '/rest' or die $!;
        syswrite $log, length($rest) . "\n";
    } elsif ($how eq 'reset') {
        setsockopt $conn, SOL_SOCKET, SO_LINGER, pack 'II', 1, 0;
    } elsif ($how eq 'hang') {
        1 while sysread $conn, $in, 4096;
    }
    return;
}

my @servers;
for my $name (qw(a b)) {
    my $listen = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1, LocalAddr => '127.0.0.1', LocalPort => $w->port($name))
        // die "no server: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{CHLD} = 'IGNORE';
        $SIG{PIPE} = 'IGNORE';
        $SIG{TERM} = sub { POSIX::_exit(0) };
        alarm 170;
        while (1) {
            my $conn = $listen->accept or next;
            my $kid = fork // POSIX::_exit(1);
            if (!$kid) { serve($name, $conn); close $conn; POSIX::_exit(0) }
            close $conn;
        }
    }
    close $listen;
    push @servers, $pid;
}
END { kill TERM => @servers if @servers }

$w->start;

sub connect_to {
    my ($port) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $w->port($port), Timeout => 5) // die "connect: $!";
    binmode $s;
    return $s;
}

sub read_all {
    my ($s, $most) = @_;
    my $all = '';
    my $until = time + 20;
    while (time < $until && (!defined $most || length $all < $most)) {
        vec(my $in = '', fileno $s, 1) = 1;
        select $in, undef, undef, 1 or next;
        my $n = sysread $s, $all, 65536, length $all;
        last if !$n;
    }
    return $all;
}

{
    my %seen;
    for (1 .. 4) {
        my $s = connect_to('echo');
        my $name = read_all($s, 2);
        $seen{$name}++;
        syswrite $s, "echo\nhello";
        is(read_all($s, 5), 'hello', 'bytes come back');
        shutdown $s, SHUT_WR;
        is(read_all($s), '', 'and the end of one side ends the other');
    }
    is_deeply(\%seen, {"a\n" => 2, "b\n" => 2}, 'the server speaks first, and the two take turns');
    ok(Weir::wait_for(sub { $w->read('tcp.log') =~ /(?:^TCP 200 10 7 127\.0\.0\.1:\d+\n){4}/m }), 'a line for each connection')
        or diag $w->read('tcp.log');
}

my $big = join '', map { chr(33 + ($_ * 7919) % 94) } 1 .. 9973;
$big x= 1000;
{
    my $s = connect_to('echo');
    read_all($s, 2);
    syswrite $s, "digest\n";
    for (my $at = 0; $at < length $big; ) { $at += syswrite $s, $big, 100_000, $at }
    shutdown $s, SHUT_WR;
    is(read_all($s), md5_hex($big) . ' ' . length $big, '10 MB to the server, which answers after the end of it');
}
{
    my $s = connect_to('echo');
    setsockopt $s, SOL_SOCKET, SO_RCVBUF, 16384;
    read_all($s, 2);
    syswrite $s, "send 30000000\n";
    sleep 0.5;
    my $got = read_all($s, 30_000_000);
    is(length $got, 30_000_000, '30 MB from the server, to a client that is late');
    is(read_all($s), '', 'whose end is told');
    syswrite $s, 'y' x 5000;
    sleep 0.2;
    syswrite $s, 'y' x 5000;
    shutdown $s, SHUT_WR;
    ok(Weir::wait_for(sub { -e $w->dir . '/rest' && $w->read('rest') =~ /^10000$/m }), 'while the client goes on for as long as it likes');
}
{
    my $s = connect_to('echo');
    read_all($s, 2);
    syswrite $s, "echo\n";
    my $echoed = '';
    my $pid = fork // die;
    if (!$pid) {
        for (my $at = 0; $at < length $big; ) { $at += syswrite $s, $big, 65536, $at }
        shutdown $s, SHUT_WR;
        POSIX::_exit(0);
    }
    $echoed = read_all($s);
    waitpid $pid, 0;
    is(md5_hex($echoed), md5_hex($big), '10 MB in both directions at once');
}
{
    my $s = connect_to('echo');
    read_all($s, 2);
    syswrite $s, "reset\n";
    is(read_all($s), '', 'a server that resets ends the connection');
    $s = connect_to('quiet');
    read_all($s, 2);
    syswrite $s, "hang\n";
    my $t = time;
    is(read_all($s), '', 'one in which nobody says anything is closed');
    cmp_ok(time - $t, '>', 1.5, 'after timeouts.tunnel');
    ok(Weir::wait_for(sub { $w->read('quiet.log') =~ /\n/ }), 'it is logged');
    is($w->read('quiet.log'), "200 [connection_read_timeout]\n", 'with what ended it');
    is(scalar(grep { /the tunnel was silent/ } $w->log_lines), 1, 'and told of once');
}
{
    my $s = connect_to('gone');
    is(read_all($s, 2), "a\n", "a server that refuses is passed over ($_)") for 1;
    $s = connect_to('gone');
    is(read_all($s, 2), "a\n", 'each time');
    $s = connect_to('limited');
    is(read_all($s), '', 'no server: closed');
    ok(Weir::wait_for(sub { $w->read('error.log') =~ /"TCP \S+" -> 502.*upstream all-gone/ }), 'and said in the log') or diag $w->read('error.log');
    $s = connect_to('deny');
    is(read_all($s), '', 'the longest network decides who may connect');
}
{
    my $s = connect_to('proxied');
    syswrite $s, "PROXY TCP4 192.0.2.7 198.51.100.1 4000 25\r\necho\n";
    my $all = '';
    $all .= read_all($s, 1) while length $all < 20 && $all !~ /4000/;
    like($all, qr/\Ab\nPROXY TCP4 192\.0\.2\.7 .* 4000/, 'the server is told of the client it names');
}

# A ClientHello in `pieces` pieces of one or more records.
sub hello {
    my ($name, $records) = @_;
    my $sni = pack('n', length($name) + 3) . pack('C n', 0, length $name) . $name;
    my $ext = pack('n n', 10, 4) . pack('n n', 2, 29) . pack('n n', 0, length $sni) . $sni;
    my $body = pack('n', 0x0303) . ('r' x 32) . pack('C', 0) . pack('n n', 2, 0x1301) . pack('C C', 1, 0) . pack('n', length $ext) . $ext;
    my $message = pack('C', 1) . substr(pack('N', length $body), 1) . $body;
    return pack('C n n', 22, 0x0301, length $message) . $message if !$records;
    return join '', map { pack('C n n', 22, 0x0301, length $_) . $_ } unpack '(a20)*', $message;
}
for my $case (['A.test', "a\n"], ['b.test', "b\n"], ['b.test', "b\n", 1], ['c.test', ''],
    ['x.Wild.test', "a\n"], ['x.y.wild.test', "a\n"], ['wild.test', ''], ['N12.test', "a\n"], ['n.test', ''],
    ['dot.test', "b\n"], ['x.dot.test', "b\n"], ['pre.any.test', "b\n"], ['xpre.any.test', '']) {
    my ($name, $want, $records) = @$case;
    my $s = connect_to('named');
    my $hello = hello($name, $records);
    syswrite $s, substr $hello, 0, 7;
    sleep 0.1;
    syswrite $s, substr $hello, 7;
    is(read_all($s, $want ? 2 : undef), $want, "the name $name" . ($records ? ' in many records' : '') . ' decides');
}
{
    my $s = connect_to('named');
    syswrite $s, "GET / HTTP/1.1\r\n\r\n";
    is(read_all($s), '', 'what is no TLS has no name, and no route');
    $s = connect_to('named');
    syswrite $s, substr hello('a.test'), 0, 9;
    my $t = time;
    is(read_all($s), '', 'a name that does not come');
    cmp_ok(time - $t, '>', 0.7, 'is waited for as long as timeouts.client_header');
}
{
    my $s = connect_to('echo');
    read_all($s, 2);
    syswrite $s, "echo\n";
    is($w->run('-s', 'reload', '-c', $w->dir . '/weir.conf')->{exit}, 0, 'a reload');
    syswrite $s, 'still';
    is(read_all($s, 5), 'still', 'leaves connections alone');
    my $t = connect_to('echo');
    ok(read_all($t, 2), 'new ones are served');
    is(read_all($s), '', 'until drain_timeout is over');
}

$w->stop_ok;

# Limits over all workers, and the name wherever it is asked for.
{
    my $l = Weir->new(
        ports => [qw(first three named key log inherited tls early)],
        fill  => {a => $w->port('a'), b => $w->port('b')},
        conf  => <<'CONF');
workers = 2;
pid_file = "{{dir}}/pid"; control = "unix:{{dir}}/control"; drain_timeout = "20s";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
defaults = { timeouts = { client_header = "1s"; connect = "1s"; };
  access_log = { path = "{{dir}}/all.log"; buffer = 0; format = "all [$ssl_sni]"; }; };
listeners = ( { address = "127.0.0.1:{{first}}"; },
  { address = "127.0.0.1:{{three}}"; mode = "tcp"; proxy = "a"; connection_limit = 3; },
  { address = "127.0.0.1:{{named}}"; mode = "tcp"; proxy = "a"; connection_limit = { max = 1; key = "$ssl_sni"; }; },
  { address = "127.0.0.1:{{key}}"; mode = "tcp"; proxy = "by-name"; },
  { address = "127.0.0.1:{{log}}"; mode = "tcp"; proxy = "a";
    access_log = { path = "{{dir}}/own.log"; buffer = 0; format = "own [$ssl_sni]"; }; },
  { address = "127.0.0.1:{{inherited}}"; mode = "tcp"; proxy = "a"; },
  { address = "127.0.0.1:{{tls}}"; mode = "tcp"; proxy = "a"; tls = { certificates = ( { cert = "{{dir}}/c.pem"; key = "{{dir}}/c.key"; } ); };
    access_log = { path = "{{dir}}/tls.log"; buffer = 0; format = "tls [$ssl_sni]"; }; },
  { address = "127.0.0.1:{{early}}"; mode = "tcp"; proxy = "a"; connection_limit = 1; timeouts = { client_header = "10s"; };
    tls = { certificates = ( { cert = "{{dir}}/c.pem"; key = "{{dir}}/c.key"; } ); }; }
);
upstreams = (
  { name = "a"; servers = ( { address = "127.0.0.1:{{a}}"; } ); },
  { name = "by-name"; balance = { method = "hash"; key = "$ssl_sni"; }; hash_method = "consistent";
    servers = ( { address = "127.0.0.1:{{a}}"; }, { address = "127.0.0.1:{{b}}"; } ); }
);
sites = ( { name = "web"; routes = ( { prefix = "/metrics"; status = true; } ); } );
CONF
    Weir::Tls->certificate($l->dir, 'c');
    $l->allow(qr/client|upstream|tcp|TCP|worker/);
    $l->start;
    my $open = sub {
        my ($port, $say) = @_;
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $l->port($port), Timeout => 5) // die "connect: $!";
        binmode $s;
        syswrite $s, $say if defined $say;
        return $s;
    };
    my $says = sub { return read_all($_[0], 2) };
    my $metric = sub { return $l->get('first', '/metrics')->{body} =~ /^weir_connection_limit_refused_total (\d+)/m ? $1 : -1 };
    # As many as may be, which the workers may take as they like; then none. Several rounds: nothing is left behind.
    for my $round (1 .. 4) {
        my @in;
        ok(Weir::wait_for(sub {
            my $s = $open->('three');
            push @in, $s if $says->($s) eq "a\n";
            return @in == 3;
        }), "three connections, round $round");
        my $before = $metric->();
        is($says->($open->('three')), '', "no fourth ($_)") for 1 .. 4;
        is($metric->() - $before, 4, 'counted');
    }
    like(join("\n", $l->log_lines), qr/warn.*client 127\.0\.0\.1:\d+ listener 127\.0\.0\.1:\d+: closed: connection_limit \(max = 3\) is reached/, 'said in the log');
    # A reload forgets none.
    {
        my @in;
        ok(Weir::wait_for(sub { my $s = $open->('three'); push @in, $s if $says->($s) eq "a\n"; return @in == 3 }), 'three again');
        is($l->run('-s', 'reload', '-c', $l->dir . '/weir.conf')->{exit}, 0, 'a reload');
        is($says->($open->('three')), '', 'no fourth beside those of before');
    }
    # Before a handshake, not after it.
    {
        my @in = map { $open->('early') } 1 .. 3;
        my $left = sub {
            return grep {
                vec(my $in = '', fileno $_, 1) = 1;
                !select($in, undef, undef, 0) || sysread $_, my $byte, 1
            } @in;
        };
        ok(Weir::wait_for(sub { return $left->() < 2 }), 'a handshake that does not begin is counted');
    }
    # What the dead had is free again.
    {
        my @in;
        ok(Weir::wait_for(sub { my $s = $open->('three'); push @in, $s if $says->($s) eq "a\n"; return @in == 3 }), 'three again');
        my @workers;
        ok(Weir::wait_for(sub {
            @workers = grep { open my $in, '<', "/proc/$_/comm"; (readline($in) // '') =~ /worker/ } $l->children;
            return @workers == 2;
        }), 'two workers, once those of before the reload are gone');
        kill KILL => @workers;
        my @after;
        ok(Weir::wait_for(sub {
            my $s = eval { $open->('three') } or return 0;
            push @after, $s if $says->($s) eq "a\n";
            return @after == 3;
        }), 'and three when the workers were killed');
        is($says->($open->('three')), '', 'no fourth');
        is(read_all($in[0]), '', 'those of before are gone');
    }
    # By another key: one of each name; without a name the address counts.
    {
        my $one = $open->('named', hello('one.test'));
        is($says->($one), "a\n", 'the first of a name');
        is($says->($open->('named', hello('ONE.test'))), '', 'no second');
        my $two = $open->('named', hello('two.test'));
        is($says->($two), "a\n", 'one of another name');
        my $none = $open->('named', "noTLS\n");
        is($says->($none), "a\n", 'one without a name');
        is($says->($open->('named', "noTLS\n")), '', 'no second of that address');
        my $t = time;
        close $none;
        my $silent;
        ok(Weir::wait_for(sub { $silent = $open->('named'); return $says->($silent) eq "a\n" }), 'one that waits for the server');
        cmp_ok(time - $t, '>', 0.7, 'gets it when timeouts.client_header is over');
    }
    # A key of the balance.
    my %by_name;
    for my $i (1 .. 24) {
        my $name = 'n' . ($i % 12) . '.test';
        push @{$by_name{$name}}, $says->($open->('key', hello($i > 12 ? uc $name : $name)));
    }
    is(scalar(grep { $_->[0] ne $_->[1] } values %by_name), 0, 'a name goes to one server, however it is written');
    my %servers = map { $_->[0] => 1 } values %by_name;
    is(join('', sort keys %servers), "a\nb\n", 'names to both');
    # In the log of a listener; that of `defaults` makes nobody wait.
    $says->($open->('log', hello('Log.Test.')));
    ok(Weir::wait_for(sub { $l->read('own.log') =~ /^own \[log\.test\]$/m }), 'the name in the log of the listener') or diag $l->read('own.log');
    my $t = time;
    is($says->($open->('inherited')), "a\n", 'a server that speaks first');
    cmp_ok(time - $t, '<', 0.9, 'is not waited for because others log names');
    {
        my $c = Weir::Tls->client(port => $l->port('tls'), dir => $l->dir, host => 'Some.Test');
        is($c->read_bytes(2), "a\n", 'TLS ended here');
        $c->send("reset\n");
        $c->close;
        ok(Weir::wait_for(sub { $l->read('tls.log') =~ /^tls \[some\.test\]$/m }), 'the name of the session in lower case') or diag $l->read('tls.log');
    }
    $l->stop_ok;
}

# What cannot be meant, all in one run.
{
    my $bad = Weir->new(ports => [qw(x)], conf => <<'CONF');
listeners = (
  { address = "127.0.0.1:{{x}}"; mode = "tcp"; },
  { address = "127.0.0.2:{{x}}"; mode = "tcp"; proxy = "by-uri"; sites = [ "s" ]; },
  { address = "127.0.0.3:{{x}}"; mode = "tcp"; routes = ( { when = { header = "X"; }; proxy = "u"; } ); },
  { address = "127.0.0.4:{{x}}"; proxy = "u"; },
  { address = "127.0.0.5:{{x}}"; mode = "tcp"; proxy = "uu"; },
  { address = "127.0.0.6:{{x}}"; connection_limit = 3; },
  { address = "127.0.0.7:{{x}}"; mode = "tcp"; proxy = "u"; connection_limit = { max = 3; key = "$header_x"; }; },
  { address = "127.0.0.8:{{x}}"; mode = "tcp"; proxy = "by-key"; request_head = { max_fields = 3; }; },
  { address = "127.0.0.9:{{x}}"; retry = { tries = 2; }; },
  { address = "127.0.0.10:{{x}}"; mode = "tcp"; proxy = "diverts";
    routes = ( { when = { percent = 5; key = "$uri"; }; proxy = "u"; } ); }
);
upstreams = ( { name = "u"; servers = ( { address = "127.0.0.1:1"; } ); },
  { name = "by-uri"; balance = "uri"; servers = ( { address = "127.0.0.1:1"; } ); },
  { name = "by-key"; balance = { method = "hash"; key = "$cookie_x"; }; servers = ( { address = "127.0.0.1:1"; } ); },
  { name = "diverts"; divert = ( { to = "u"; when = { method = "GET"; }; } ); servers = ( { address = "127.0.0.1:1"; } ); } );
sites = ( { name = "s"; proxy = "u"; } );
CONF
    my $r = $bad->run('-t', '-c', '{{dir}}/weir.conf');
    is($r->{exit}, 1, '-t refuses');
    like($r->{err}, qr/:2: .*write proxy = "UPSTREAM"/, 'a listener without any upstream');
    like($r->{err}, qr/:3: .*"by-uri" balances by "uri", which needs HTTP/, 'a method that needs HTTP');
    like($r->{err}, qr/:3: 'sites' is for listeners with mode = "http"/, 'settings of HTTP');
    like($r->{err}, qr/:4: .*source, percent or sni/, 'conditions on HTTP');
    like($r->{err}, qr/:5: 'proxy' is for listeners with mode = "tcp"/, 'settings of tcp elsewhere');
    like($r->{err}, qr/:6: .*"uu"/, 'an upstream that is not there');
    like($r->{err}, qr/:7: 'connection_limit' is for listeners with mode = "tcp"/, 'a limit of connections with HTTP');
    like($r->{err}, qr/:8: a tcp listener sees no HTTP, of which "\$header_x" is/, 'a key of HTTP');
    like($r->{err}, qr/:9: 'request_head' is for listeners with mode = "http"/, 'limits of a head');
    like($r->{err}, qr/:9: .*"\$cookie_x" is/, 'a key to balance by that is of HTTP');
    like($r->{err}, qr/:10: 'retry' is for listeners with mode = "tcp"/, 'retries in a listener for HTTP');
    like($r->{err}, qr/:12: .*"\$uri" is/, 'a part by what is of HTTP');
    like($r->{err}, qr/:17: a tcp listener sees no HTTP; ask for source, percent or sni/, 'a diversion by what is of HTTP');
}

{
    my $bad = Weir->new(ports => ['x'], conf => <<'CONF');
upstreams = ( { name = "u"; servers = ( { address = "127.0.0.1:1"; } ); } );
listeners = ( { address = "127.0.0.1:{{x}}"; mode = "tcp";
  routes = ( { when = { sni = "a*.test"; };
    proxy = "u"; }, { when = { sni = "~a(b"; };
    proxy = "u"; } ); } );
CONF
    my $r = $bad->run('-t', '-c', '{{dir}}/weir.conf');
    is($r->{exit}, 1, '-t refuses');
    like($r->{err}, qr/:3: the name "a\*\.test" is wrong at byte 1: /, 'a pattern that is none');
    like($r->{err}, qr/:4: the name "~a\(b" is wrong at byte 4: /, 'a regex that is none');
}

{
    my $odd = Weir->new(ports => ['x', 'y', 'plain', 'tls'], conf => <<'CONF');
upstreams = ( { name = "u"; protocol = "h2"; servers = ( { address = "127.0.0.1:1"; } ); }, { name = "v"; servers = ( { address = "127.0.0.1:2"; } ); } );
listeners = ( { address = "127.0.0.1:{{x}}"; mode = "tcp"; allow = "127.0.0.0/8";
  retry = { tries = 2; on = [ "connect", "502" ]; };
  access_log = { path = "{{dir}}/a.log"; format = "$host $uri"; };
  routes = ( { when = { sni = "*.x.test"; }; proxy = "u"; }, { proxy = "v"; },
    { when = { sni = "b.test"; }; proxy = "v"; } ); },
  { address = "127.0.0.1:{{y}}"; mode = "tcp"; proxy = "v"; access_log = { path = "{{dir}}/b.log"; }; },
  { address = "127.0.0.1:{{plain}}"; },
  { address = "127.0.0.1:{{tls}}"; tls = { certificates = ( { cert = "{{dir}}/a.pem"; key = "{{dir}}/a.key"; } ); }; } );
sites = ( { name = "s"; respond = 204; } );
CONF
    Weir::Tls->certificate($odd->dir, 'a', hosts => ['a.test']);
    my $r = $odd->run('-t', '-c', '{{dir}}/weir.conf');
    is($r->{exit}, 0, '-t accepts');
    like($r->{err}, qr/:3: .*"502", "503" and "504" do nothing/, 'retries after an answer');
    like($r->{err}, qr/:4: .*variables of HTTP/, 'variables of HTTP in a line');
    like($r->{err}, qr/:5: .*protocol of the upstream "u" does nothing/, 'a protocol');
    like($r->{err}, qr/:6: warning: this is never reached: the route at \S+:5 has no `when`/, 'a route behind one for all');
    unlike($r->{err}, qr/:7: warning/, 'and nothing of a listener that has none of it');
    my $explain = sub { return $odd->run('explain', '-c', '{{dir}}/weir.conf', @_)->{out} };
    my $x = $odd->port('x');
    my $told = $explain->("https://a.x.test:$x/");
    like($told, qr/^mode +a listener of mode "tcp"/m, 'explain says what the listener is');
    like($told, qr/\* sni is \*\.x\.test .*: taken/, 'which route takes the name');
    like($told, qr/^upstream +u\b/m, 'and where that leads');
    unlike($told, qr/404|no site|fails/, 'and nothing of HTTP');
    like($explain->("https://b.test:$x/"), qr/\* every connection .*: taken/, 'another name');
    like($explain->('--from', '192.0.2.1', "https://b.test:$x/"), qr/^answer .*`allow` and `deny`/m, 'who may not connect');
    like($explain->('http://a.test:' . $odd->port('tls') . '/'), qr/^answer +400: .*ask for https/m, 'http to a port with TLS');
    like($explain->('https://a.test:' . $odd->port('plain') . '/'), qr/^answer +400: .*handshake fails/m, 'https to one without');
    like($explain->('--json', "https://a.x.test:$x/"), qr/"upstream": ?"u"/, 'as JSON');
}

# The example: three servers that say their name.
{
    my $ports = [qw(p8080 p8081 p8082 p8083 s9001 s9002 s9003)];
    open my $fh, '<', "$FindBin::Bin/../conf/examples/tcp.conf" or die "tcp.conf: $!";
    my $text = do { local $/; <$fh> };
    $text =~ s/127\.0\.0\.1:(808\d)/127.0.0.1:{{p$1}}/g;
    $text =~ s/127\.0\.0\.1:(900\d)/127.0.0.1:{{s$1}}/g;
    my $e = Weir->new(ports => ['first', @$ports], conf => <<'CONF' . $text =~ s/listeners = \(/listeners = ( { address = "127.0.0.1:{{first}}"; },/r);
workers = 1;
sites = ( { name = "web"; routes = ( { respond = 204; } ); } );
pid_file = "{{dir}}/pid"; control = "unix:{{dir}}/control";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
CONF
    my @pids;
    for my $port (qw(s9001 s9002 s9003)) {
        my $listen = IO::Socket::INET->new(Listen => 64, ReuseAddr => 1, LocalAddr => '127.0.0.1', LocalPort => $e->port($port))
            // die "no server: $!";
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            $SIG{TERM} = sub { POSIX::_exit(0) };
            $SIG{PIPE} = 'IGNORE';
            alarm 100;
            while (1) {
                my $conn = $listen->accept or next;
                syswrite $conn, "$port\n";
                close $conn;
            }
        }
        close $listen;
        push @pids, $pid;
        push @servers, $pid;
    }
    $e->allow(qr/client|upstream/);
    $e->start;
    my $ask = sub {
        my ($port, $say) = @_;
        my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $e->port($port), Timeout => 5) // die "connect: $!";
        syswrite $s, $say if defined $say;
        return read_all($s);
    };
    my %seen = map { $ask->('p8080') => 1 } 1 .. 12;
    is(scalar keys %seen, 3, 'tcp.conf: all replicas are asked');
    is($ask->('p8081'), "s9001\n", 'tcp.conf: one Redis');
    my %broker = map { $ask->('p8082') => 1 } 1 .. 6;
    is(scalar keys %broker, 1, 'tcp.conf: a device stays with its broker');
    like($ask->('p8083', hello('mail.example.org')), qr/\As900[23]\n\z/, 'tcp.conf: by name');
    is($ask->('p8083', hello('www.example.org')), "s9001\n", 'tcp.conf: all other names');
    kill TERM => $pids[0];
    waitpid $pids[0], 0;
    is($ask->('p8081'), "s9002\n", 'tcp.conf: the other Redis once the first is gone');
    $e->stop_ok;
}
kill TERM => @servers;
waitpid $_, 0 for @servers;
@servers = ();
done_testing;
