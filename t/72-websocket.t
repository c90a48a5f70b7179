#!/usr/bin/env perl

# WebSocket between ends that are not ours: the npm package `ws` as client and as server, over HTTP/1 in the clear and
# with TLS, and over HTTP/2 (RFC 8441), through Weir and without it in the same run; both ends must see the same. The
# package is Debian's node-ws, or that of WEIR_NPM=DIRECTORY where `npm install ws` was run.

use strict;
use warnings;
use FindBin qw($Bin);
use JSON::PP qw(decode_json);
use lib "$Bin/lib";
use Test::More;
use Weir;
use Weir::Programs qw(program_in_path output_of);
use Weir::Tls;

my $node = program_in_path('node');
my ($ws) = grep { -e "$_/package.json" } map { "$_/ws" } $ENV{WEIR_NPM} ? "$ENV{WEIR_NPM}/node_modules" : (), '/usr/share/nodejs';
plan skip_all => 'no Node here'                                   if !$node;
plan skip_all => 'no package ws here: install node-ws, or set WEIR_NPM' if !$ws;
plan skip_all => 'no openssl command'                             if !program_in_path('openssl');
local $SIG{ALRM} = sub { die "the conversations take too long\n" };
alarm 400;

my $w = Weir->new(ports => [qw(http tls up)], conf => <<'CONF');
workers = 2;
pid_file = "{{dir}}/weir.pid";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = (
  { address = "127.0.0.1:{{http}}"; },
  { address = "127.0.0.1:{{tls}}"; tls = { certificates = ( { cert = "{{dir}}/a.pem"; key = "{{dir}}/a.key"; } ); }; }
);
upstreams = ( { name = "ws"; servers = [ "127.0.0.1:{{up}}" ]; } );
sites = ( { name = "a"; access_log = { path = "{{dir}}/access.log"; format = "$protocol $status $uri"; buffer = 0; };
  proxy = "ws"; } );
CONF
Weir::Tls->certificate($w->dir, 'a', hosts => ['localhost']);
$w->start;

my @ways = qw(h1 tls h2);
my ($http, $tls, $up) = map { $w->port($_) } qw(http tls up);
my $text = output_of($node, "$Bin/clients/websocket.js", $ws, $up, "direct=ws://127.0.0.1:$up", "h1=ws://127.0.0.1:$http",
    "tls=wss://localhost:$tls", "h2=h2://localhost:$tls") // '';
like($text, qr/^end$/m, 'all conversations were held') or diag($text);

my (%seen, @names);
for (grep { /\t/ } split /\n/, $text) {
    my ($way, $name, $said) = split /\t/;
    push @names, $name if $way eq 'direct';
    $seen{$name}{$way} = $said;
}

# Without Weir: what is in it, lest all be the same because nothing happens.
my %close = (
    map({ my $code = $_; map { ("$code by the $_" => ["close $code because $code", "close $code because $code"]) } qw(client server) }
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 3000, 4999),
    'closed without a code by the client' => ['close 1005 ', 'close 1005 '],
    'closed without a code by the server' => ['close 1005 ', 'close 1005 '],
    'cut off by the client'               => ['close 1006 ', 'close 1006 '],
    'cut off by the server'               => ['close 1006 ', 'close 1006 '],
    'an opcode that is none'              => ['close 1002 ', 'close 1006 '],
    'no UTF-8'                            => ['close 1007 ', 'close 1006 '],
    'too large a message'                 => ['close 1009 ', 'close 1006 '],
    'closed while much is sent'           => ['close 1001 enough', 'close 1001 enough'],
    '16 MB of text'                       => ['close 1000 ', 'close 1000 '],
    '16 MB of bytes'                      => ['close 1000 ', 'close 1000 '],
    'refused'                             => ["refused 403 mood no\n", 'refused'],
);
for my $name (sort keys %close) {
    my $said = $seen{$name}{direct};
    my $ends = $said && decode_json($said);
    is_deeply($ends && [map { $ends->{$_}[-1] } qw(client server)], $close{$name}, "$name: as it should end");
}
my $deflate = $seen{'deflate offered, taken'}{direct} // '';
is(() = $deflate =~ /permessage-deflate/g, 2, 'deflate is agreed on by both ends');

for my $name (@names) {
    is($seen{$name}{$_} // 'nothing', $seen{$name}{direct}, "$name: $_ as without Weir") for @ways;
}

my $log = $w->read('access.log');
my %protocol = (h1 => 'HTTP/1.1', tls => 'HTTP/1.1', h2 => 'HTTP/2.0');
for my $way (@ways) {
    my $lines = () = $log =~ m{^\Q$protocol{$way}\E 101 /ws\?$way/}mg;
    is($lines, @names - 2, "$way: $protocol{$way}, a tunnel for all but the two that are refused");
}
$w->stop_ok;

done_testing;
