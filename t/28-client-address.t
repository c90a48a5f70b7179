#!/usr/bin/env perl

# $remote_addr: the socket's peer, or who a trusted peer speaks for.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Weir;

my $w = Weir->new(ports => [qw(plain trusting)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = (
  { address = "127.0.0.1:{{plain}}"; },
  { address = "127.0.0.1:{{trusting}}"; trusted = [ "127.0.0.0/8", "10.0.0.0/8" ]; }
);
sites = ( { name = "a"; routes = ( { respond = { body = "$remote_addr"; }; } ); } );
CONF
$w->start;

sub ask {
    my ($port, @fields) = @_;
    my $c = $w->client($port);
    $c->send(join '', "GET / HTTP/1.1\r\nHost: a\r\n", (map {"$_\r\n"} @fields), "\r\n");
    return $c->read_response->{body};
}

for my $case (
    ['127.0.0.1', 'plain', 'X-Forwarded-For: 9.9.9.9'],
    ['127.0.0.1', 'plain', 'Forwarded: for=9.9.9.9'],
    ['127.0.0.1', 'trusting'],
    ['9.9.9.9', 'trusting', 'X-Forwarded-For: 9.9.9.9'],
    ['9.9.9.9', 'trusting', 'X-Forwarded-For: 6.6.6.6, 9.9.9.9'],
    ['9.9.9.9', 'trusting', 'X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 9.9.9.9'],
    ['9.9.9.9', 'trusting', 'X-Forwarded-For: 6.6.6.6', 'X-Forwarded-For: 9.9.9.9, 10.1.1.1'],
    ['9.9.9.9', 'trusting', 'X-Forwarded-For: 6.6.6.6, 9.9.9.9', 'X-Forwarded-For: 10.1.1.1'],
    ['9.9.9.9', 'trusting', 'X-Forwarded-For: 9.9.9.9:4711, 10.1.1.1'],
    ['10.1.1.1', 'trusting', 'X-Forwarded-For: nonsense, 10.1.1.1'],
    ['2001:db8::7', 'trusting', 'Forwarded: for=6.6.6.6, for="[2001:db8::7]:99";proto=https'],
    ['9.9.9.9', 'trusting', 'Forwarded: for=6.6.6.6', 'X-Forwarded-For: 9.9.9.9'],
) {
    my ($want, $port, @fields) = @$case;
    is(ask($port, @fields), $want, join ' | ', $port, @fields);
}

$w->stop_ok;
done_testing;
