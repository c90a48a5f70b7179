#!/usr/bin/env perl

# PROXY headers: demanded where a listener says so, believed from `trusted` alone.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Weir;

my $w = Weir->new(ports => [qw(plain proxied untrusted)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = (
  { address = "127.0.0.1:{{plain}}"; },
  { address = "127.0.0.1:{{proxied}}"; proxy_protocol = true; trusted = "127.0.0.0/8"; timeouts = { client_header = "500ms"; }; },
  { address = "127.0.0.1:{{untrusted}}"; proxy_protocol = true; trusted = "10.0.0.0/8"; }
);
sites = ( { name = "a"; routes = ( { respond = { body = "$remote_addr:$remote_port"; }; } ); } );
CONF
$w->start;
$w->allow(qr/PROXY header|-> 400/);

sub ask {
    my ($port, $bytes, @how) = @_;
    my $c = $w->client($port);
    $c->send($bytes, @how);
    my $r = $c->read_response(timeout => 3);
    return $r && $r->{status} ? $r->{body} : 'closed';
}

my $get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
my $v1  = "PROXY TCP4 192.0.2.1 192.0.2.2 5555 80\r\n";
my $v2  = "\r\n\r\n\0\r\nQUIT\n\x21\x21\0\x24" . "\x20\1\x0d\xb8" . "\0" x 11 . "\1" . "\0" x 16 . "\x15\xb3\0\x50";

like(ask('plain', $get), qr/^127\.0\.0\.1:/, 'without');
is(ask('proxied', "$v1$get"), '192.0.2.1:5555', 'version 1');
is(ask('proxied', "$v2$get"), '2001:db8::1:5555', 'version 2');
is(ask('proxied', "$v1$get", piece => 1), '192.0.2.1:5555', 'byte by byte');
like(ask('proxied', "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0$get"), qr/^127\.0\.0\.1:/, 'LOCAL speaks for the balancer itself');
is(ask('proxied', $get), 'closed', 'a request without the header');
is(ask('proxied', "PROXY TCP4 1.2.3.4\r\n$get"), 'closed', 'a malformed one');
is(ask('proxied', ''), 'closed', 'silence');
is(ask('untrusted', "$v1$get"), 'closed', 'from somebody who is not trusted');
ok($w->wait_log(qr/ info worker .*closed: a PROXY header is only believed from/), 'whom strangers do not make an error of');
isnt(ask('plain', "$v1$get"), '192.0.2.1:5555', 'where nobody asked for it');

$w->stop_ok;
done_testing;
