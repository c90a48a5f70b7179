#!/usr/bin/env perl

# Which site and route take a request, on the wire: order of matchers, conditions, languages, methods, hosts, spellings
# of one path, and regexes that cannot be decided.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Weir;
use Weir::Client qw(header);

my $many = join "\n", map { qq[{ exact = "/many/$_"; respond = { body = "exact $_"; }; },] } 1 .. 500;
my $w = Weir->new(ports => [qw(http other)], fill => {many => $many}, conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; }, { address = "127.0.0.1:{{other}}"; sites = [ "wild" ]; } );
sites = (
  { name = "main"; hosts = [ "example.com" ];
    routes = (
      {{many}}
      { exact = "/a"; respond = { body = "exact"; }; },
      { prefix = "/a"; respond = { body = "prefix a"; }; },
      { prefix = "/a/final/"; final = true; respond = { body = "final"; }; },
      { prefix = "/when/"; final = true; respond = { body = "when"; };
        when = ( { header = "X-On"; is = [ "1", "yes" ]; }, { any = ( { query = "a"; }, { cookie = "b*"; } ); } ); },
      { regex = "^/(?:a|when)/(.+)\\.TXT$"; nocase = true; respond = { body = "regex $1"; }; },
      { regex = "^/bomb/(a+)+$"; respond = { body = "bomb"; }; },
      { prefix = "/lang"; respond = { body = "deutsch"; }; when = ( { language = [ "de", "de-AT" ]; } ); },
      { prefix = "/lang"; respond = { body = "english"; }; when = ( { language = "en"; } ); },
      { prefix = "/lang"; respond = { body = "neither"; }; },
      { prefix = "/form"; respond = { body = "form"; }; when = ( { method = [ "GET", "POST" ]; } ); },
      { prefix = "/form"; respond = { body = "put"; }; when = ( { method = "PUT"; }, { header = "X-On"; } ); },
      { prefix = "/debug"; respond = { body = "debug"; }; when = ( { query = "debug"; is = "on"; } ); },
      { prefix = "/go/"; redirect = { to = "https://$host$uri"; status = 301; }; },
      { prefix = "/hidden"; name = "hidden"; internal = true; respond = { body = "hidden"; }; }
    ); },
  { name = "wild"; hosts = [ "*.example.com", "~^w(\\d+)\\.test$" ];
    routes = ( { prefix = "/"; respond = { body = "wild $host_1"; }; } ); },
  { name = "rest"; routes = ( { prefix = "/"; respond = { body = "rest $site"; }; } ); }
);
CONF
$w->start;
$w->allow(qr/-> 4\d\d|-> 5\d\d|limit/);

# Answers "status body".
sub ask {
    my ($target, %o) = @_;
    my $r = $w->get($o{port} // 'http', $target, method => $o{method} // 'GET',
        headers => [Host => $o{host} // 'example.com', @{$o{headers} // []}]);
    return ("$r->{status} " . ($r->{status} == 200 ? $r->{body} : header($r, 'Location') // header($r, 'Allow') // ''),
        $r);
}

my @on = ('X-On' => 'yes');
my @rows = (
    ['/a', '200 exact'],
    ['/ab', '200 prefix a'],
    ['/a/x', '200 prefix a'],
    ['/a/x.txt', '200 regex x'],
    ['/a/final/x.txt', '200 final'],
    ['/A', '404 '],
    ['/many/1', '200 exact 1'],
    ['/many/500', '200 exact 500'],
    ['/many/501', '404 '],
    # one path, other spellings
    ['/%61', '200 exact'],
    ['/b/../a', '200 exact'],
    ['//a', '200 exact'],
    ['/./a', '200 exact'],
    ['/b/%2e%2e/a', '200 exact'],
    ['/a%2Fx.txt', '200 prefix a'],
    ['/a?x', '200 exact'],
    # conditions, and that `final` counts only with them
    ['/when/x.txt', '200 regex x'],
    ['/when/x', '404 '],
    ['/when/x.txt?a', '200 when', headers => [@on]],
    ['/when/x.txt', '200 regex x', headers => [@on]],
    ['/when/x', '200 when', headers => [@on, Cookie => 'c=1; bb=2']],
    ['/when/x', '404 ', headers => ['X-On' => 'no', Cookie => 'bb=2']],
    ['/debug?debug=on', '200 debug'],
    ['/debug?x=1&%64ebug=o%6e', '200 debug'],
    ['/debug?debug=of', '404 '],
    # languages
    ['/lang', '200 neither'],
    ['/lang', '200 deutsch', headers => ['Accept-Language' => 'de-AT, en;q=0.8']],
    ['/lang', '200 english', headers => ['Accept-Language' => 'de;q=0.5, en;q=0.8']],
    ['/lang', '200 english', headers => ['Accept-Language' => 'de;q=0, en;q=0.1']],
    ['/lang', '200 neither', headers => ['Accept-Language' => 'fr']],
    # methods
    ['/form', '200 form', method => 'POST'],
    ['/form', '405 GET, POST', method => 'DELETE'],
    ['/form', '405 GET, POST', method => 'PUT'],
    ['/form', '200 put', method => 'PUT', headers => [@on]],
    ['/form', '405 GET, POST, PUT', method => 'PATCH', headers => [@on]],
    # the rest
    ['/go/a/../%7e?x=%41', '301 https://example.com/go/~?x=%41'],
    ['/hidden', '404 '],
    ['/', '404 '],
    # sites
    ['/', '200 wild ', host => 'x.y.example.com'],
    ['/', '200 wild ', host => 'X.EXAMPLE.com:80'],
    ['/', '200 wild 17', host => 'w17.test'],
    ['/', '200 rest rest', host => 'wx.test'],
    ['/', '200 rest rest', host => '127.0.0.1'],
    ['/', '404 ', host => 'example.com', port => 'other'],
    ['/', '200 wild ', host => 'a.example.com', port => 'other'],
);
for my $row (@rows) {
    my ($target, $want, %o) = @$row;
    my ($got) = ask($target, %o);
    is($got, $want, join ' ', $o{method} // 'GET', ($o{host} // '') . $target, @{$o{headers} // []});
}

# ---- a regex that cannot be decided is an error, and a cheap one
my ($bomb) = ask('/bomb/' . 'a' x 4000);
is($bomb, '200 bomb', 'a long match');
my ($limit) = ask('/bomb/' . 'a' x 4000 . '!');
is($limit, '500 ', 'an undecided regex is no match and no miss');
my ($after) = ask('/a');
is($after, '200 exact', 'and the worker goes on');

$w->stop_ok;
done_testing;
