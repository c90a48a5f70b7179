#!/usr/bin/env perl

# Values with variables that come to more than 64 KB: nothing is made of a part of them. A
# request is answered 500 and does not go on, the error log names the text; an answer goes
# out without the field; the access log is cut.

use strict;
use warnings;
use FindBin qw($Bin);
use JSON::PP qw(decode_json);
use lib "$Bin/lib";
use Test::More;
use Weir;
use Weir::Client qw(header);

my $w = Weir->new(ports => [qw(http up)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; request_head = { max_size = "200k"; }; } );
upstreams = ( { name = "up"; servers = ( { address = "127.0.0.1:{{up}}"; } ); } );
defaults = { access_log = { path = "{{dir}}/access.log"; format = "json";
                            fields = [ "path", "header_long", "status" ]; };
             response_headers = { set = { X-Weir = "here"; }; }; };
sites = ( { name = "main"; routes = (
  { exact = "/respond"; respond = { status = 200; body = "$arg_a$arg_a"; }; },
  { exact = "/redirect"; redirect = { to = "/$arg_a$arg_a"; }; },
  { exact = "/try"; root = "{{dir}}"; try = ( "/$arg_a$arg_a", 404 ); },
  { exact = "/rewrite"; proxy = "up"; rewrite = ( { regex = "^/rewrite$"; to = "/$arg_a$arg_a"; } ); },
  { exact = "/replace"; proxy = "up"; replace_path = "/$arg_a$arg_a"; },
  { exact = "/when"; when = { value = "$arg_a$arg_a"; is = "x"; }; respond = 204; },
  { exact = "/request"; proxy = "up"; request_headers = { set = { X-Long = "$arg_a$arg_a"; }; }; },
  { exact = "/response"; proxy = "up";
    response_headers = { set = { X-Long = "$arg_a$arg_a"; X-After = "1"; }; }; },
  { exact = "/log"; respond = 200; },
  { prefix = "/"; proxy = "up"; }
); } );
CONF
my $up = $w->upstream('up', {'*' => sub {
    my ($conn) = @_;
    $conn->send("HTTP/1.1 200 OK\r\nX-Long: of the server\r\nContent-Length: 2\r\n\r\nok");
    return 1;
}});
$w->start;
$w->allow(qr/comes to more than 64 KB|-> 500|longer than 64 KB/);

my $half = 'a' x 40_000;
sub ask { my ($path, @rest) = @_; return $w->get('http', $path, @rest) // {status => 0} }

for my $row (
    ['respond',  qr/the body of `respond` is longer than 64 KB/],
    ['redirect', qr/the target of `redirect` is longer than 64 KB/],
    ['try',      qr/a path of `try` is longer than 64 KB/],
    ['rewrite',  qr/a rewritten path is too long/],
    ['replace',  qr/a rewritten path is too long/],
    ['when',     qr/met its limit/],
    ['request',  qr/head is too large/],
) {
    my ($name, $why) = @$row;
    my $r = ask("/$name?a=$half");
    is($r->{status}, 500, "$name: an error of the set-up");
    ok($w->wait_log(qr{"GET /$name\?a+[^"]*".*: "[^"]*\$arg_a\$arg_a" comes to more than 64 KB \(request }),
        "$name: the log names the text");
    ok($w->wait_log(qr{"GET /$name\?[^"]*" -> 500.*$why}), "$name: and what became of it");
    isnt(ask("/$name?a=b")->{status}, 500, "$name: a short one is taken");
}

is(scalar(grep { length $_->{target} > 1000 } $up->seen), 0, 'the server saw none of the long ones');

my $r = ask("/response?a=$half");
is("$r->{status} $r->{body}", '200 ok', 'response: the answer arrives');
is(header($r, 'x-long'),  undef, 'response: without the field, the old one too');
is(header($r, 'x-after'), '1',   'response: with those behind it');
ok($w->wait_log(qr{"GET /response\?.*comes to more than 64 KB}), 'response: the log says so');

my $long = 'b' x 70_000;
is(ask('/log', headers => [Long => $long])->{status}, 200, 'log: a long field');
my $line = Weir::wait_for(sub { ($w->read('access.log') =~ m{^(.*"/log".*)$}m)[0] });
my $entry = decode_json($line // '{}');
like($entry->{header_long} // '', qr/\Ab{1000,}\z/, 'log: what there is room for');
is($entry->{status}, 200, 'log: and what stands behind it');

$w->stop_ok;
done_testing();
