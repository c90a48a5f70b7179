#!/usr/bin/env perl

# `transparent`: servers see the addresses of clients, with HTTP and in mode "tcp", by IPv4 and IPv6, on machines that are
# network namespaces of this test, as conf/examples/transparent.conf has it. A connection made for one client serves no
# other.

use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use lib "$Bin/lib";
use POSIX ();
use Test::More;
use Weir;
use Weir::Net;

local $SIG{ALRM} = sub { die "the machines take too long\n" };
alarm 120;

my $dir     = tempdir(CLEANUP => !$ENV{WEIR_KEEP});
my %address = (
    one    => ['10.99.1.2', 'fd00:99::2'],
    two    => ['10.99.1.3', 'fd00:99::3'],
    weir   => ['10.99.1.4', 'fd00:99::4'],
    server => ['10.99.1.5', 'fd00:99::5'],
);

# ---- what can be said without machines

my $bare = Weir->new(conf => '');

sub check {
    my ($conf) = @_;
    $bare->conf(qq(workers = 1; error_log = { path = "{{dir}}/error.log"; };\n$conf));
    return $bare->run('-t', '-c', $bare->dir . '/weir.conf');
}

my $listeners = 'listeners = ( "127.0.0.1:{{http}}" ); sites = ( { routes = ( { proxy = "u"; } ); } );';
my $r = check(qq($listeners upstreams = ( { name = "u"; protocol = "h2"; transparent = true; servers = ( { address = "127.0.0.1:1"; } ); } );));
is($r->{exit}, 1, 'HTTP/2 to a server, where clients share connections');
like($r->{err}, qr/weir\.conf:2: .*transparent = false, or protocol = "http1"/, 'is an error that says what would do');
$r = check(qq($listeners upstreams = ( { name = "u"; servers = ( { address = "unix:/x"; transparent = true; } ); } );));
like($r->{err}, qr/'transparent' does nothing with a unix socket/, 'a unix socket has no address to be seen');
$bare->conf('listeners = ( "127.0.0.1:{{http}}" ); upstreams = ( { name = "u"; transparent = true; servers = ( { address = "127.0.0.1:1"; } ); } );
sites = ( { routes = ( { proxy = "u"; } ); } );');
like($bare->run('explain', '/', '-c', $bare->dir . '/weir.conf')->{out}, qr/^servers .*127\.0\.0\.1:1 .*from the client's address/m, 'explain says it');
SKIP: {
    skip 'root alone can become a user without rights', 2 if $> != 0;
    my $nobody = (getpwnam 'nobody')[2];
    my $binary = Weir::binary();
    $bare->conf(qq(listeners = ( "127.0.0.1:{{http}}" ); sites = ( { routes = ( { proxy = "u"; } ); } );
upstreams = ( { name = "u"; transparent = true;
  servers = ( { address = "127.0.0.1:1"; } ); } );));
    my $conf = $bare->dir . '/weir.conf';
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if (!$pid) {
        POSIX::setgid($nobody);
        POSIX::setuid($nobody);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(126);
        exec {$binary} $binary, '-t', '-c', $conf or POSIX::_exit(126);
    }
    my $said = do { local $/; readline $out } // '';
    close $out;
    skip 'the binary is not for others to run', 2 if $? >> 8 == 126;
    is($? >> 8, 1, 'without the right to it -t fails');
    like($said, qr/weir\.conf:3: no right to connect .*'transparent'.*root or with CAP_NET_RAW/, 'and says what is missing');
}

# ---- the machines

my $net = Weir::Net->new;
if (!$net) {
    SKIP: { skip(Weir::Net->why(), 1) }
    done_testing();
    exit 0;
}
$net->machine($_ => $address{$_}[0]) for sort keys %address;
my $six = 1;
for my $name (sort keys %address) {
    $six &&= $net->ip($name => qw(addr add), "$address{$name}[1]/64", qw(dev e0 nodad));
}

# Answers go back through Weir's machine, which keeps them.
for my $client (qw(one two)) {
    $net->ip(server => qw(route add), "$address{$client}[0]/32", 'via', $address{weir}[0]) or die "no route\n";
    !$six || $net->ip(server => qw(-6 route add), "$address{$client}[1]/128", 'via', $address{weir}[1]) or die "no route\n";
}
for my $family ('-4', $six ? '-6' : ()) {
    $net->ip(weir => $family, qw(route add local default dev lo table 100))
        && $net->ip(weir => $family, qw(rule add iif e0 ipproto tcp sport 9000 lookup 100))
        or die "no rules for $family\n";
}

# Says to each connection its number and the address that it comes from: at once, or to each request of HTTP.
my $server = <<'PERL';
use strict; use warnings; use IO::Socket::IP; use Socket qw(IPV6_V6ONLY IPPROTO_IPV6);
my ($host, $port, $file) = @ARGV;
my $listen = IO::Socket::IP->new(LocalHost => $host, LocalPort => $port, Listen => 64, ReuseAddr => 1) or die "listen: $@";
$SIG{CHLD} = 'IGNORE';
open my $up, '>', $file or die $!;
close $up;
my $number = 0;
while (1) {
    my $c = $listen->accept or next;
    $number++;
    next if fork;
    my ($from, $in) = ($c->peerhost, '');
    alarm 60;
    vec(my $ready = '', fileno $c, 1) = 1;
    if (!select $ready, undef, undef, 0.3) { syswrite $c, "$number $from\n"; sysread $c, $in, 1; exit }
    while (sysread $c, $in, 4096, length $in) {
        while ($in =~ s/\A.*?\r\n\r\n//s) {
            my $body = "$number $from";
            syswrite $c, "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
        }
    }
    exit;
}
PERL

# Asks for "/", or reads a line, as often as it is told.
my $client = <<'PERL';
use strict; use warnings; use IO::Socket::IP;
my ($host, $port, $how) = @ARGV;
my $s = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Timeout => 5) or die "connect: $@";
alarm 10;
syswrite $s, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" if $how eq 'http';
my $all = '';
while (sysread $s, $all, 4096, length $all) { last if $how ne 'http' && $all =~ /\n/ }
$all =~ s/.*\r\n\r\n//s if $how eq 'http' && $all =~ m{\AHTTP/1.1 200};
$all =~ s/\r?\n.*//s;
print "$all\n";
PERL

sub write_file {
    my ($name, $text) = @_;
    open my $out, '>', "$dir/$name" or die "$dir/$name: $!\n";
    print {$out} $text;
    close $out or die "$dir/$name: $!\n";
    return "$dir/$name";
}
write_file('server.pl', $server);
write_file('client.pl', $client);

for my $v (0 .. $six) {
    $net->start(server => "$dir/server.log", $^X, "$dir/server.pl", $address{server}[$v], 9000, "$dir/up$v");
    ok(Weir::wait_for(sub { -e "$dir/up$v" }), 'the server listens') or diag qx(cat $dir/server.log);
}

sub ask {
    my ($name, $v, $port, $how) = @_;
    my $host = $address{weir}[$v];
    my @in   = $net->in($name);
    open my $out, '-|', @in, $^X, "$dir/client.pl", $host, $port, $how or die "client: $!\n";
    my $line = readline $out;
    close $out;
    chomp($line //= '');
    return $line;
}

my $text = do {
    open my $in, '<', "$Bin/../conf/examples/transparent.conf" or die "the example: $!\n";
    local $/;
    readline $in;
};
$text =~ s/^#.*\n//mg;
$text =~ s/192\.0\.2\.21/$address{server}[0]/g or die "another example\n";
$text =~ s/2001:db8::21/$address{server}[1]/g  or die "another example\n";
my $w = Weir->new(via => [$net->in('weir')], up => sub { -s "$_[0]{dir}/pid" }, conf => <<"CONF" . $text);
workers = 1;
pid_file = "{{dir}}/pid"; control = "unix:{{dir}}/control"; state_dir = "{{dir}}";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
CONF
$w->start;

for my $v (0 .. $six) {
    my $family = $v ? 'IPv6' : 'IPv4';
    my @seen = map { ask($_, $v, 8080, 'http') } qw(one two one two);
    my ($one, $two) = map { $address{$_}[$v] } qw(one two);
    is_deeply([map { s/\A\d+ //r } @seen], [$one, $two, $one, $two], "$family, HTTP: the server sees the clients")
        or diag explain(\@seen), $w->log_lines;
    is($seen[2], $seen[0], "$family: a connection serves the client it was made for");
    is($seen[3], $seen[1], "$family: again");
    isnt($seen[1], $seen[0], "$family: and no other");
}
for my $name (qw(one two)) {
    is(ask($name, 0, 8081, 'tcp') =~ s/\A\d+ //r, $address{$name}[0], "IPv4, mode tcp: the server sees $name");
}
SKIP: {
    skip 'no IPv6 here', 1 if !$six;
    is(ask('one', 1, 8081, 'tcp') =~ s/\A\d+ //r, $address{weir}[0], 'a client of IPv6 at a server of IPv4: as this machine');
}

# What workers may, and only they, and only with that setting.
my @children = $w->children;
my %kept;
for my $pid (@children) {
    open my $in, '<', "/proc/$pid/status" or next;
    local $/;
    my $status = readline $in;
    my ($name) = $status =~ /^Name:\s*(.*)/m;
    my ($uid)  = $status =~ /^Uid:\s*\d+\s+(\d+)/m;
    my ($caps) = $status =~ /^CapPrm:\s*0*([0-9a-f]+)/m;
    $kept{$name =~ /keeper/ ? 'keeper' : 'worker'} = $caps if $uid != 0;
}
is_deeply(\%kept, {keeper => '0', worker => '2000'}, 'workers keep CAP_NET_RAW and nothing else, others nothing')
    or diag explain(\%kept);

# Without it they keep nothing, from the next reload on.
$w->conf($w->read('weir.conf') =~ s/transparent = true; //gr);
is($w->run('-s', 'reload', '-c', $w->dir . '/weir.conf')->{exit}, 0, 'a reload without the setting');
ok(Weir::wait_for(sub { ask('one', 0, 8080, 'http') =~ / \Q$address{weir}[0]\E\z/ }), 'the server sees this machine');
$w->stop_ok;
$net->close;
done_testing();
