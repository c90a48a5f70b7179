#!/usr/bin/env perl

# Long bodies on their way to a server, which go there without a copy: whole and in order with a server that reads
# slowly and a client that sends in pieces, and cleanly ended when either side leaves in the middle.

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use FindBin qw($Bin);
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOL_SOCKET SO_RCVBUF);
use lib "$Bin/lib";
use Test::More;
use Weir;

my $w = Weir->new(ports => [qw(http up)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; } );
upstreams = ( { name = "up"; servers = ( { address = "127.0.0.1:{{up}}"; } ); } );
sites = ( { name = "all"; request_body = { max_size = "100m"; buffer = "stream"; };
  routes = ( { prefix = "/"; proxy = "up"; } ); } );
CONF
$w->allow(qr/-> 50\d|upstream|client/);

my $listen = IO::Socket::INET->new(Listen => 16, ReuseAddr => 1, LocalAddr => '127.0.0.1', LocalPort => $w->port('up'))
    // die "no upstream: $!";
setsockopt $listen, SOL_SOCKET, SO_RCVBUF, 16384;

# One connection of the upstream, in a process of its own; how it behaves is the path of the request.
sub upstream {
    my ($conn) = @_;
    my $in = '';
    while (1) {
        while ($in !~ /\r\n\r\n/) {
            return if !sysread $conn, $in, 65536, length $in;
        }
        $in =~ s/\A(.*?\r\n\r\n)//s;
        my $head = $1;
        my ($how) = $head =~ m{^\S+ /(\S+)};
        my ($left) = $head =~ /^Content-Length: (\d+)/mi;
        $left //= 0;
        if ($how eq 'early') {
            syswrite $conn, "HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno";
            select undef, undef, undef, 0.3;
            return;
        }
        my $md5 = Digest::MD5->new;
        my $got = 0;
        while ($got < $left) {
            if (length $in) {
                $md5->add(substr $in, 0, $left - $got);
                my $n = length $in > $left - $got ? $left - $got : length $in;
                substr $in, 0, $n, '';
                $got += $n;
                next;
            }
            select undef, undef, undef, 0.02 if $how eq 'slow' && $got < 2_000_000;
            if ($how eq 'reset' && $got > 500_000) {
                setsockopt $conn, SOL_SOCKET, Socket::SO_LINGER(), pack 'II', 1, 0;
                return;
            }
            return if !sysread $conn, $in, 30_000;
        }
        my $body = $md5->hexdigest . " $got";
        syswrite $conn, sprintf "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", length $body, $body;
    }
}

my $server = fork // die "fork: $!";
if (!$server) {
    $SIG{CHLD} = 'IGNORE';
    $SIG{TERM} = sub { POSIX::_exit(0) };
    while (my $conn = $listen->accept) {
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            $SIG{TERM} = 'DEFAULT';
            upstream($conn);
            close $conn;
            POSIX::_exit(0);
        }
        close $conn;
    }
    POSIX::_exit(0);
}
close $listen;
$w->start;

my $unit = join '', map { chr(33 + ($_ * 7919) % 94) } 1 .. 9973;
my $body = substr $unit x 1100, 0, 10_000_000;
my $want = md5_hex($body) . ' ' . length $body;

sub head {
    my ($path) = @_;
    return sprintf "POST /%s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", $path, length $body;
}

for my $how (qw(fast slow fast)) {
    my $c = $w->client('http');
    $c->send(head($how) . $body);
    is($c->read_response->{body}, $want, "$how: all of it, in order");
    $c->send("POST /fast HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    is($c->read_response->{body}, md5_hex('abc') . ' 3', 'and the next request of the connection');
}
{
    my $c = $w->client('http');
    $c->send(head('fast'));
    for (my $at = 0; $at < length $body; $at += 777_777) {
        $c->send(substr $body, $at, 777_777);
        select undef, undef, undef, 0.01;
    }
    is($c->read_response->{body}, $want, 'a client that sends in pieces');
}
{
    my $c = $w->client('http');
    $c->send(head('fast') . $body . "GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
    is($c->read_response->{body}, $want,             'with another request right behind the body');
    is($c->read_response->{body}, md5_hex('') . ' 0', 'which is answered too');
}
{
    my $c = $w->client('http');
    $c->send(head('early') . substr $body, 0, 600_000);
    my $r = $c->read_response;
    is($r->{status}, 403, 'an answer before the end of the body reaches the client');
}
{
    my $c = $w->client('http');
    $c->send(head('reset') . substr $body, 0, 3_000_000);
    like($c->read_response->{status}, qr/\A502\z/, 'a server that resets in the middle is a 502');
}
{
    my $c = $w->client('http');
    $c->send(head('slow') . substr $body, 0, 3_000_000);
    $c->reset;
    $c = $w->client('http');
    $c->send("POST /fast HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    is($c->read_response->{body}, md5_hex('abc') . ' 3', 'a client that resets in the middle harms nobody');
}
{
    my @c = map { $w->client('http') } 1 .. 6;
    $_->send(head('slow') . substr $body, 0, 1_500_000) for @c;
    $_->send(substr $body, 1_500_000) for @c;
    my $good = grep { $_->read_response->{body} eq $want } @c;
    is($good, 6, 'several at once');
}

$w->stop_ok;
kill TERM => $server;
waitpid $server, 0;
done_testing;
