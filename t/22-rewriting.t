#!/usr/bin/env perl

# What a route changes on the way to a server and back: the path, header fields, Set-Cookie, Location; and that nothing
# a client sends gets out of it as a field or a path of its own.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Weir;
use Weir::Client qw(header headers);

my $w = Weir->new(ports => [qw(http up)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; } );
upstreams = ( { name = "up"; servers = ( { address = "127.0.0.1:{{up}}"; } ); } );
defaults = { request_headers = { set = { X-Level = "defaults"; X-Outer = "defaults"; }; };
             response_headers = { set = { X-Weir = "$status $route"; }; remove = [ "X-Secret" ]; }; };
sites = ( { name = "main"; routes = (
  { name = "plain"; prefix = "/"; proxy = "up"; },
  { name = "strip"; prefix = "/api"; proxy = "up"; strip_prefix = "/api"; },
  { name = "add"; prefix = "/add/"; proxy = "up"; add_prefix = "/v2"; },
  { name = "both"; prefix = "/both/"; proxy = "up"; strip_prefix = "/both"; add_prefix = "/deep/er"; },
  { name = "rules"; prefix = "/rules/"; proxy = "up";
    rewrite = ( { regex = "^/rules/(\\d+)$"; to = "/number?id=$1&$query"; last = true; },
                { regex = "^/rules/drop$"; to = "/dropped?"; },
                { regex = "^/rules/(.*)$"; to = "/other/$1"; } ); },
  { name = "replace"; regex = "^/replace(.*)$"; proxy = "up"; replace_path = "/replaced$1/$arg_tail"; },
  { name = "headers"; prefix = "/headers"; proxy = "up";
    request_headers = { remove = [ "X-Gone" ]; set = { X-Level = "route $header_x_level"; X-Arg = "$arg_a"; };
                        add = { X-Many = [ "a", "b" ]; }; };
    response_headers = { inherit = false; set = { X-Out = "$sent_header_x_secret"; X-None = "$arg_none"; }; }; },
  { name = "cookies"; prefix = "/cookies"; proxy = "up";
    cookies = { domain = "example.com"; path = "/"; secure = true; httponly = true; samesite = "lax"; }; },
  { name = "off"; prefix = "/off"; proxy = "up"; strip_prefix = "/off"; location = false; }
); } );
CONF
my $port = $w->port('up');

# Answers with the location that the query asks for.
sub relocate {
    my ($conn, $request) = @_;
    my ($to) = $request->{target} =~ /[?&]to=([^&]*)/;
    $to =~ s/%([0-9a-f]{2})/chr hex $1/gie;
    $conn->send("HTTP/1.1 302 Found\r\nLocation: $to\r\nContent-Length: 0\r\n\r\n");
    return 1;
}

my $up = $w->upstream('up', {
    '/location'         => \&relocate,
    '/deep/er/location' => \&relocate,
    '/headers'          => {do => 'fixed', headers => ['X-Secret' => 's', 'X-Weir' => 'up'], body => 'ok'},
    '/secret'           => {do => 'fixed', headers => ['X-Secret' => 's'], body => 'ok'},
    '/cookies' => {do => 'fixed', body => 'ok',
        headers => ['Set-Cookie' => 'a=1; Domain=inner; Path=/x', 'Set-Cookie' => 'b=2; SameSite=None; Max-Age=5']},
    '*' => {do => 'fixed', body => 'ok'},
});
$w->start;
$w->allow(qr/-> 4\d\d|-> 5\d\d/);

sub ask {
    my ($target, @headers) = @_;
    return $w->get('http', $target, headers => [Host => 'example.com', @headers]);
}

# ---- the path
my @paths = (
    ['/x?y', '/x?y'],
    ['/x?', '/x?'],
    ['/a/../%7eb/%2f', '/~b/%2F'],
    ['/api', '/'],
    ['/api/x?q=/api', '/x?q=/api'],
    ['/apix', '/apix'],
    ['/add/x', '/v2/add/x'],
    ['/both/x?q', '/deep/er/x?q'],
    ['/rules/12?b=c', '/number?id=12&b=c'],
    ['/rules/drop?b=c', '/dropped'],
    ['/rules/x/y?b=c', '/other/x/y?b=c'],
    ['/replace/d?tail=t', '/replaced/d/t?tail=t'],
);
for my $row (@paths) {
    my ($target, $want) = @$row;
    my $r = ask($target);
    is($r->{status}, 200, "$target: status");
    is(($up->seen)[-1]{target}, $want, "$target: what the server saw");
}

# ---- ways out
for my $target ('/replace/d?tail=..', '/replace/d?tail=%2e%2e/x', '/replace..?tail=x') {
    my $before = () = $up->seen;
    my $r      = ask($target);
    my $seen   = ($up->seen)[-1]{target};
    if ($r->{status} == 200) {
        unlike($seen =~ s/\?.*//r, qr{/(?:\.|%2e){1,2}(?:/|$)}i, "$target: no dot segment: $seen");
    } else {
        is($r->{status}, 500, "$target: refused");
        is(scalar(() = $up->seen), $before, "$target: and not sent");
    }
}

# ---- fields
my $r    = ask('/headers?a=b%0d%0aX-Evil:%201', 'X-Gone' => '1', 'X-Level' => 'client', 'X-Many' => 'c');
my $seen = ($up->seen)[-1];
is(header($seen, 'X-Level'), 'route client', 'set in defaults, then in the route, from what the client sent');
is(header($seen, 'X-Outer'), 'defaults', 'an outer level adds');
is(header($seen, 'X-Gone'), undef, 'removed');
is(header($seen, 'X-Evil'), undef, 'no field from an argument');
is(header($seen, 'X-Arg'), 'b%0d%0aX-Evil:%201', 'which is sent as it came');
is_deeply([headers($seen, 'X-Many')], [qw(c a b)], 'added');
is(header($r, 'X-Secret'), 's', 'inherit = false drops what defaults did');
is(header($r, 'X-Weir'), 'up', 'all of it');
is(header($r, 'X-Out'), 's', 'a value from the answer');
is(header($r, 'X-None'), undef, 'nothing is not sent');
$r = ask('/secret');
is(header($r, 'X-Secret'), undef, 'removed from the answer');
is(header($r, 'X-Weir'), '200 plain', 'set in the answer');

# ---- cookies
$r = ask('/cookies');
my @cookies = map { join ';', sort split /; */, lc } headers($r, 'Set-Cookie');
is_deeply(\@cookies, ['a=1;domain=example.com;httponly;path=/;samesite=lax;secure',
    'b=2;domain=example.com;httponly;max-age=5;path=/;samesite=lax;secure'], 'attributes of cookies');

# ---- Location
my @locations = (
    ['/location', '/new', '/new'],
    ['/location', "http://127.0.0.1:$port/new?x#y", 'http://example.com/new?x#y'],
    ['/location', 'http://example.com/new', 'http://example.com/new'],
    ['/location', 'https://example.com/new', 'https://example.com/new'],
    ['/location', 'http://other.org/new', 'http://other.org/new'],
    ['/location', 'relative', 'relative'],
    ['/api/location', '/new', '/api/new'],
    ['/api/location', "http://127.0.0.1:$port/new", 'http://example.com/api/new'],
    ['/api/location', 'http://other.org/new', 'http://other.org/new'],
    ['/both/location', '/deep/er/new', '/both/new'],
    ['/both/location', '/elsewhere', '/elsewhere'],
    ['/off/location', "http://127.0.0.1:$port/new", "http://127.0.0.1:$port/new"],
);
for my $row (@locations) {
    my ($target, $to, $want) = @$row;
    my $escaped = $to =~ s/([^A-Za-z0-9])/sprintf '%%%02x', ord $1/ger;
    is(header(ask("$target?to=$escaped"), 'Location'), $want, "$target: $to");
}

$w->stop_ok;
done_testing;
