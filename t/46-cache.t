#!/usr/bin/env perl

# What clients get from a cache: hits, misses and what is validated, from all workers; conditional requests and ranges,
# Vary, the settings of a cache, stale answers, invalidation, what logs say; and that it is all there after a restart.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;
use Weir::Cached;
use Weir::Client qw(header headers request_bytes);
use Weir::Processes qw(start_up eventually);

local $SIG{ALRM} = sub { die "the test of the cache takes too long\n" };
alarm 240;

my $w = Weir->new(ports => [qw(http up other gone)], conf => <<'CONF');
workers = 3;
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( "127.0.0.1:{{http}}" );
caches = ( { name = "c"; path = "{{dir}}/cache"; size = "200m"; }, { name = "m"; path = "memory"; size = "20m"; memory = 0; } );
upstreams = ( { name = "up"; servers = ( "127.0.0.1:{{up}}" ); },
  { name = "other"; servers = ( "127.0.0.1:{{other}}" ); },
  { name = "stuck"; servers = ( "127.0.0.1:{{up}}" ); sticky = { cookie = "srv"; mode = "insert"; }; },
  { name = "both"; servers = ( { address = "127.0.0.1:{{gone}}"; weight = 100; }, "127.0.0.1:{{up}}" ); } );
defaults = { cache = "c"; };
sites = ( { name = "s"; timeouts = { read = "1s"; };
  access_log = { path = "{{dir}}/access.log"; format = "$uri [$cache_status] [$upstream_status] [$upstream_addr] $bytes_sent"; buffer = 0; };
  routes = (
    { prefix = "/mem/"; proxy = "up"; cache = "m"; },
    { prefix = "/query/"; proxy = "up"; cache = { ignore_query = [ "utm_*", "ref" ]; sort_query = true; }; },
    { prefix = "/bypass/"; proxy = "up"; cache = { bypass = ( { cookie = "session"; } ); }; },
    { prefix = "/no-store/"; proxy = "up"; cache = { no_store = ( { status = 404; }, { sent_header = "X-No"; }, { header = "X-Not"; } ); }; },
    { prefix = "/ttl/"; proxy = "up"; cache = { default_ttl = "10m"; ttl = ( { status = [ 404, "500-599" ]; ttl = "5m"; }, { status = 301; ttl = 0; } ); }; },
    { prefix = "/ttl-gone/"; proxy = "http://127.0.0.1:{{gone}}"; cache = { ttl = ( { status = "500-599"; ttl = "5m"; } ); }; },
    { prefix = "/strip/"; proxy = "up"; cache = { set_cookie = "strip"; }; },
    { prefix = "/store/"; proxy = "up"; cache = { set_cookie = "store"; }; },
    { prefix = "/uses/"; proxy = "up"; cache = { min_uses = 3; }; },
    { prefix = "/uses-7/"; proxy = "up"; cache = { min_uses = 7; }; },
    { prefix = "/few/"; proxy = "up"; cache = { max_variants = 3; }; },
    { prefix = "/get/"; proxy = "up"; cache = { methods = "GET"; }; },
    { prefix = "/swr/"; proxy = "up"; cache = { stale_while_revalidate = "1h"; }; },
    { prefix = "/sie/"; proxy = "up"; cache = { stale_if_error = "1h"; }; retry = { tries = 1; }; },
    { prefix = "/sie-other/"; proxy = "other"; cache = { stale_if_error = "1h"; }; },
    { prefix = "/stuck/"; proxy = "stuck"; },
    { prefix = "/both/"; proxy = "both"; },
    { prefix = "/"; proxy = "up"; } ); } );
CONF

my $up    = cached_upstream($w, 'up');
my $other = cached_upstream($w, 'other');
start_up($w);
my $port = $w->port('http');

sub get { my ($target, %o) = @_; return $w->get('http', $target, %o) }
sub n { return fetches($w, $_[0]) }

# So many requests for it, each on its own connection, so that all workers come to answer.
sub hits {
    my ($target, $times, %o) = @_;
    return scalar grep { is_hit(get($target, %o)) } 1 .. $times;
}

# ---- miss and hit, of what is held in memory, in a file, and in none of the two for long

for my $case (['/a' => 20], ['/b' => 3000], ['/c' => 70_000], ['/d' => 700_000], ['/mem/a' => 20], ['/mem/b' => 70_000],
    ['/empty' => 0]) {
    my ($path, $size) = @$case;
    for my $how (0, 1) {
        my $p = "$path$how";
        my $target = "$p?s=$size&t=$how";
        my $r = get($target);
        is(status_of($r), 'fwd=uri-miss; fwd-status=200; stored', "$target: a miss");
        same($r->{body}, content("$p|", $size), 'with its body');
        my @r = map { get($target) } 1 .. 9;
        is(scalar(grep { is_hit($_) } @r), 9, 'then hits in all workers');
        is(scalar(grep { $_->{body} eq content("$p|", $size) } @r), 9, 'with the same body');
        is(header($r[0], 'Content-Length'), $size, 'of known length');
        like(header($r[0], 'Age') // 'none', qr/^\d+$/, 'and Age');
        is(n($p), 1, 'one fetch');
        my $head = get($target, method => 'HEAD');
        is(status_of($head) =~ s/ttl=\d+/ttl/r, 'hit; ttl', 'HEAD is answered from it');
        is(header($head, 'Content-Length'), $size, 'with the length');
        is($head->{body}, '', 'without the body');
    }
}
{
    my $r = get('/e?t=2&s=5000');
    same($r->{body}, content('/e|', 5000), 'an answer that ends with its connection');
    is(hits('/e?t=2&s=5000', 4), 4, 'is stored');
    my $c = $w->client('http');
    my $ok = 0;
    for (1 .. 20) {
        $c->send(request_bytes(GET => '/d0?s=700000&t=0') . request_bytes(GET => '/a0?s=20&t=0') . request_bytes(HEAD => '/d0?s=700000&t=0'));
        my ($long, $short, $head) = ($c->read_response, $c->read_response, $c->read_response(method => 'HEAD'));
        $ok++ if $long->{body} eq content('/d0|', 700_000) && $short->{body} eq content('/a0|', 20) && $head->{status} == 200;
    }
    is($ok, 20, 'hits one behind the other on a connection');
    $c = $w->client('http');
    $c->send("GET /d1?s=700000&t=1 HTTP/1.0\r\nHost: a.test\r\n\r\n");
    same($c->read_response->{body}, content('/d1|', 700_000), 'and for HTTP/1.0');
    is(status_of(get('/c0?s=70000&t=0', headers => [Host => 'b.test'])), 'fwd=uri-miss; fwd-status=200; stored', 'another host is another key');
    $r = get('/head?s=30', method => 'HEAD');
    is(n('/head'), 1, 'HEAD of what is not there goes to the upstream');
    is(hits('/head?s=30', 3), 2, 'and stores nothing');
}

# ---- validation

{
    my $t = '/val?s=500&e=x&a=900';
    get($t);
    my $r = get($t);
    is(status_of($r), 'fwd=stale; fwd-status=304; stored', 'a stale one is validated');
    is($r->{status}, 200, 'the client gets it');
    same($r->{body}, content('/val|', 500), 'with its body');
    is(($up->seen)[-1]{target}, $t, 'the upstream was asked');
    is(header(($up->seen)[-1], 'If-None-Match'), '"x"', 'whether it is still the same');
    for my $size (500, 80_000) {
        $t = "/val$size?s=$size&e=x&a=900&k=1";
        get($t);
        $r = get($t);
        is(status_of($r), 'fwd=stale; fwd-status=304; stored', "$size bytes are fresh by the 304");
        is(hits($t, 6), 6, 'for all workers');
        same(get($t)->{body}, content("/val$size|", $size), 'with the old body');
        is(n("/val$size"), 2, 'and one question');
        $r = get($t, headers => ['If-None-Match' => '"x"']);
        is($r->{status}, 304, 'a client that has it is told so');
        is($r->{body}, '', 'without a body');
    }
    $t = '/changed?s=500&e=x&n=1&a=900';
    get($t);
    $r = get($t =~ s/e=x/e=y/r);
    isnt($r->{body}, content('/changed|1', 500), 'another URL is another object');
    $t = '/plain?a=900&lm=90000&n=1';
    get($t);
    $r = get($t);
    is(status_of($r), 'fwd=stale; fwd-status=200; stored', 'one that changed is replaced');
    same($r->{body}, content('/plain|2', 20), 'by the new one');
    ok(header(($up->seen)[-1], 'If-Modified-Since'), 'after it was asked by its date');
    $t = '/fresh?e=x';
    get($t);
    is(status_of(get($t, headers => ['Cache-Control' => 'no-cache'])), 'fwd=request; fwd-status=304; stored', 'no-cache of a client validates');
    $t = '/nocache?e=x&cc=no-cache';
    get($t);
    is(status_of(get($t)) =~ s/; detail=.*//r, 'fwd=stale; fwd-status=304; stored', 'no-cache of the upstream does, each time');
}

# ---- conditions and ranges

for my $size (1000, 300_000) {
    my $path = "/range$size";
    my $t    = "$path?s=$size&e=tag&lm=100000";
    my $all  = content("$path|", $size);
    my $r    = get($t, headers => [Range => 'bytes=10-19', 'If-None-Match' => '"other"']);
    my ($asked) = ($up->seen)[-1];
    is(header($asked, $_), undef, "$size: the upstream is not asked by the client's $_") for qw(Range If-None-Match);
    is($r->{status}, 206, 'a part of a miss');
    same($r->{body}, substr($all, 10, 10), 'is the part');
    ok(eventually(sub { is_hit(get($t)) }), 'the whole is stored');
    for my $case (
        ['bytes=10-19',           206, substr($all, 10, 10), "bytes 10-19/$size"],
        ['bytes=-5',              206, substr($all, -5), 'bytes ' . ($size - 5) . '-' . ($size - 1) . "/$size"],
        ["bytes=900-",            206, substr($all, 900), 'bytes 900-' . ($size - 1) . "/$size"],
        ["bytes=0-0",             206, substr($all, 0, 1), "bytes 0-0/$size"],
        ["bytes=900-9999999",     206, substr($all, 900), 'bytes 900-' . ($size - 1) . "/$size"],
        ["bytes=9999999-",        416, undef, "bytes */$size"],
        ['bytes=5-1',             200, $all, undef],
        ['lines=1-5',             200, $all, undef],
    ) {
        my ($range, $status, $body, $content) = @$case;
        my $part = get($t, headers => [Range => $range]);
        is($part->{status}, $status, "$size: $range");
        is(header($part, 'Content-Range'), $content, 'Content-Range') if defined $content || $status == 200;
        same($part->{body}, $body, 'the bytes') if defined $body;
        ok(!header($part, 'Content-Range'), 'no Content-Range') if $status == 200;
    }
    $r = get($t, headers => [Range => 'bytes=0-4', 'If-Range' => '"tag"']);
    is($r->{status}, 206, 'If-Range that holds');
    $r = get($t, headers => [Range => 'bytes=0-4', 'If-Range' => '"old"']);
    same($r->{body}, $all, 'and one that does not');
    $r = get($t, headers => [Range => 'bytes=0-4,8-9']);
    ok($r->{status} == 200 ? $r->{body} eq $all : $r->{status} == 206 && header($r, 'Content-Type') =~ /^multipart/, 'several ranges');
    is(get($t, headers => ['If-None-Match' => $_])->{status}, 304, "If-None-Match: $_") for '"tag"', 'W/"tag"', '"a", "tag"', '*';
    is(get($t, headers => ['If-None-Match' => '"a"'])->{status}, 200, 'If-None-Match of another');
    is(get($t, headers => ['If-Modified-Since' => header($r, 'Last-Modified')])->{status}, 304, 'If-Modified-Since');
    is(get($t, headers => ['If-Modified-Since' => 'Thu, 01 Jan 1970 00:00:00 GMT'])->{status}, 200, 'and long before');
    is(get($t, headers => [Range => 'bytes=0-4'], method => 'HEAD')->{body}, '', 'Range of a HEAD');
    is(n($path), 1, 'all from one answer');
}
is(get('/cond?e=q', headers => ['If-None-Match' => '"q"'])->{status}, 304, 'a condition that holds on a miss');
# That answer needs no body, which may still be on its way.
ok(eventually(sub { is_hit(get('/cond?e=q')) }), 'of which the whole is stored');
is(hits('/cond?e=q', 3), 3, 'for all workers');
{
    # A part behind what is there of a fill.
    my $t   = '/late?s=400000&p=0.05&e=x';
    my $all = content('/late|', 400_000);
    my @r   = in_parallel($port, $t, [GET => $t, [Range => 'bytes=300000-300099']], [GET => $t, [Range => 'bytes=-10']],
        [GET => $t, [Range => 'bytes=5-9']], ([GET => $t, [Range => 'bytes=390000-']]) x 4);
    same($r[0]{body}, $all, 'one that fills');
    same($r[1]{body}, substr($all, 300_000, 100), 'a part that is still to come');
    same($r[2]{body}, substr($all, -10), 'the end of it');
    same($r[3]{body}, substr($all, 5, 5), 'its beginning');
    same($r[$_]{body}, substr($all, 390_000), 'its last bytes') for 4 .. 7;
    is(n('/late'), 1, 'one fetch for all parts');
}

# ---- Vary

{
    my $t = '/vary?v=X-Lang&s=200';
    my %body;
    for my $lang (qw(en de fr), '') {
        my $r = get($t, headers => ['X-Lang' => $lang]);
        like(status_of($r), qr/^fwd=(?:uri|vary)-miss; .*stored$/, "the variant '$lang' is a miss");
        same($r->{body}, content("/vary||$lang", 200), 'and right');
    }
    for my $lang (qw(en de fr), '') {
        my @r = map { get($t, headers => ['X-Lang' => $lang]) } 1 .. 6;
        is(scalar(grep { is_hit($_) } @r), 6, "the variant '$lang' is there for all");
        is(scalar(grep { $_->{body} eq content("/vary||$lang", 200) } @r), 6, 'and the right one');
    }
    is(n('/vary'), 4, 'one fetch each');
    my @r = in_parallel($port, map { [GET => '/vary-new?v=X-Lang&s=200&d=0.2', ['X-Lang' => $_]] } map { ("l$_") x 3 } 1 .. 5);
    is(scalar(grep { $r[$_]{body} eq content('/vary-new||l' . (1 + int $_ / 3), 200) } 0 .. 14), 15, 'variants that are all new at once');
    is(n('/vary-new'), 5, 'one fetch each');
    $t = '/coding?v=Accept-Encoding&n=1';
    get($t, headers => ['Accept-Encoding' => 'gzip, deflate, foo']);
    is(hits($t, 4, headers => ['Accept-Encoding' => 'deflate,gzip;q=0.8']), 4, 'Accept-Encoding counts by what is known');
    get('/star?v=*');
    is(hits('/star?v=*', 4), 0, 'Vary: * is for nobody else');

    my $good = 0;
    for my $round (1 .. 3) {
        for my $lang (1 .. 6) {
            my $r = get('/few/a?v=X-Lang', headers => ['X-Lang' => "l$lang"]);
            $good++ if $r->{body} eq content("/few/a||l$lang", 20);
        }
    }
    is($good, 18, 'more variants than may be: each gets its own');
    # A worker's hot copy may answer for one whose file has gone.
    cmp_ok(n('/few/a'), '>=', 6, 'of as many questions at least');
    same(get('/few/a?v=X-Lang', headers => ['X-Lang' => 'l6'])->{body}, content('/few/a||l6', 20), 'the last one');
}

# ---- settings

get('/query/a?s=20&utm_x=1&e=1');
is(hits("/query/a?$_", 2), 2, "the same but for order and ignored arguments: $_")
    for 's=20&e=1', 'e=1&s=20', 'ref=7&e=1&utm_=&s=20';
is(hits('/query/a?s=21&e=1', 1), 0, 'another argument is another key');

{
    get('/bypass/a?n=1');
    my $r = get('/bypass/a?n=1', headers => [Cookie => 'session=1']);
    is(status_of($r) =~ s/; detail=.*//r, 'fwd=bypass; fwd-status=200; stored', 'bypass');
    same($r->{body}, content('/bypass/a|2', 20), 'gets a new answer');
    # Another worker may have the old one, which is fresh, in memory.
    my %got = map { get('/bypass/a?n=1')->{body} => 1 } 1 .. 12;
    ok(delete $got{content('/bypass/a|2', 20)}, 'which is stored');
    delete $got{content('/bypass/a|1', 20)};
    is(scalar(keys %got), 0, 'and nothing else is given out');
    my @r = in_parallel($port, ('/bypass/b?n=1&d=0.5') x 2, ([GET => '/bypass/b?n=1&d=0.5', [Cookie => 'session=1']]) x 4);
    my %own = map { $_->{body} => 1 } @r[2 .. 5];
    is(scalar(keys %own), 4, 'each such request asks for itself');
    is(n('/bypass/b'), 5, 'and the others once');
}
get("/no-store/a?st=404");
is(hits('/no-store/a?st=404', 2), 0, 'no_store by status');
get('/no-store/b?f=X-No:1');
is(hits('/no-store/b?f=X-No:1', 2), 0, 'no_store by a field of the answer');
get('/no-store/c', headers => ['X-Not' => 1]);
get('/no-store/c');
is(hits('/no-store/c', 3, headers => ['X-Not' => 1]), 3, 'what is kept is given out');
is(n('/no-store/c'), 2, 'but not made by it');

get($_) for '/ttl/a?cc=none', '/ttl/b?cc=none&st=404', '/ttl/c?cc=none&st=503', '/ttl/d?cc=none&st=301', '/ttl/e?cc=private', '/ttl/f?cc=max-age=0';
is(hits('/ttl/a?cc=none', 3), 3, 'default_ttl');
is(hits('/ttl/b?cc=none&st=404', 3), 3, 'ttl by status');
is(hits('/ttl/c?cc=none&st=503', 3), 3, 'ttl of errors');
is(hits('/ttl/d?cc=none&st=301', 3), 0, 'ttl = 0');
is(hits('/ttl/e?cc=private', 3), 0, 'private counts all the same');
is(hits('/ttl/f?cc=max-age=0', 3), 0, 'and what an answer says of itself');
get('/plain-404?cc=none&st=404');
get('/plain-500?cc=none&st=500');
is(hits('/plain-500?cc=none&st=500', 2), 0, 'an error is not stored of itself');

get($_) for '/cookie?sc=a=1', '/strip/a?sc=a=1', '/store/a?sc=a=1';
is(hits('/cookie?sc=a=1', 2), 0, 'Set-Cookie is not stored');
is(header(get('/cookie?sc=a=1'), 'Set-Cookie'), 'a=1', 'but is sent on');
is(hits('/strip/a?sc=a=1', 2), 2, 'stored without it');
is(header(get('/strip/a?sc=a=1'), 'Set-Cookie'), undef, 'and sent without it');
is(header(get('/strip/a2?sc=a=1'), 'Set-Cookie'), undef, 'also the first time');
is(header(get('/store/a?sc=a=1'), 'Set-Cookie'), 'a=1', 'stored with it');

like(status_of(get('/uses/a')), qr/^fwd=uri-miss; fwd-status=200; detail=min-uses$/, "min_uses: request $_ is not stored") for 1, 2;
like(status_of(get('/uses/a')), qr/; stored$/, 'the third is');
is(hits('/uses/a', 5), 5, 'and found');
is(n('/uses/a'), 3, 'three fetches');
get('/uses-7/a') for 1 .. 7;
is(hits('/uses-7/a', 4), 4, 'min_uses = 7: stored at the seventh');
is(n('/uses-7/a'), 7, 'not before');
same(get('/uses/b?d=0.2&s=50000')->{body}, content('/uses/b|', 50_000), 'an answer that is not stored is whole');

is(get('/only', headers => ['Cache-Control' => 'only-if-cached'])->{status}, 504, 'only-if-cached of what is not there');
is(n('/only'), 0, 'asks nobody');
get('/only');
is(get('/only', headers => ['Cache-Control' => 'only-if-cached'])->{status}, 200, 'and of what is');
get('/get/a');
is(get('/get/a', method => 'HEAD')->{status}, 200, 'methods = GET');
is(n('/get/a'), 2, 'sends HEAD on');

# ---- stale answers

{
    my $t = '/swr/a?a=900&k=1&n=1&d=0.7&e=x';
    get($t);
    my @r = map { get($t) } 1 .. 6;
    is(scalar(grep { $_->{body} eq content('/swr/a|1', 20) } @r), 6, 'stale-while-revalidate: the old one');
    like(status_of($r[0]), qr/^hit; ttl=-\d+; detail=stale-while-revalidate$/, 'as it says');
    ok(eventually(sub { n('/swr/a') == 2 }), 'one question behind');
    ok(eventually(sub { status_of(get($t)) !~ /stale/ }), 'after which it is fresh');
    is(n('/swr/a'), 2, 'for all workers');

    $t = '/swr/h?a=900&s=40&e=x';
    get($t);
    is(get($t, method => 'HEAD')->{status}, 200, 'HEAD of something stale');
    ok(eventually(sub { n('/swr/h') == 2 }), 'has it asked for behind');
    is(($up->seen)[-1]{method}, 'GET', 'by a GET');
    same(get($t)->{body}, content('/swr/h|', 40), 'and the body is still there') for 1 .. 4;
    $t = '/swr/p?a=900&k=1&s=40&n=1';
    get($t);
    is(get($t, headers => [Range => 'bytes=0-3'])->{status}, 206, 'a part of something stale');
    ok(eventually(sub { status_of(get($t)) !~ /stale/ }), 'has the whole fetched');
    same(get($t)->{body}, content('/swr/p|2', 40), 'of which nothing is missing');

    $t = '/head-stale?a=900&s=40&n=1';
    get($t);
    is(get($t, method => 'HEAD')->{status}, 200, 'HEAD of what is stale');
    same(get($t)->{body}, content('/head-stale|3', 40), 'does not make it empty');
}
for my $what (qw(reset close 503 hang)) {
    my $t = "/sie/$what?a=900&s=300&m=do-$what";
    get($t);
    $w->write("do-$what", $what);
    my $r = get($t);
    is($r->{status}, 200, "stale-if-error: $what");
    same($r->{body}, content("/sie/$what|", 300), 'the old body');
    like(status_of($r), qr/^fwd=stale;.* detail=stale-if-error$/, 'as it says');
    my $none = get("/sie/none-$what?m=do-$what");
    cmp_ok($none->{status}, '>=', 502, "nothing old: $none->{status}");
    is(get($t)->{status}, 200, 'again') if $what ne 'hang';
    $w->write("do-$what", '');
    like(status_of(get($t)), qr/^fwd=stale; fwd-status=200; stored/, 'until the upstream is well');
}
{
    my $t = '/sie-other/a?a=900&s=300';
    get($t);
    $other->stop;
    same(get($t)->{body}, content('/sie-other/a|', 300), 'stale-if-error: nobody listens') for 1 .. 3;
    is(get('/sie-other/b')->{status}, 502, 'for what is not there');
    is(get('/ttl-gone/a')->{status}, 502, 'an error by Weir');
    is(header(get('/ttl-gone/a'), 'Cache-Status') // '', '', 'is not stored');
    $w->allow(qr/127\.0\.0\.1:/);
}

# ---- invalidation

for my $case (['/inv/a' => 30], ['/inv/b' => 90_000]) {
    my ($path, $size) = @$case;
    my $t = "$path?n=1&s=$size";
    get($t);
    is(hits($t, 6), 6, "$t is there");
    get($t, method => 'POST', body => 'x');
    my @r = map { get($t) } 1 .. 8;
    is(scalar(grep { $_->{body} eq content("$path|1", $size) } @r), 0, 'after a POST nobody gets the old one');
    is(scalar(grep { is_hit($_) } @r), 7, 'but the new one, from the cache');
    get($t, method => 'PUT', body => 'x');
    is(scalar(grep { is_hit($_) } map { get($t) } 1 .. 4), 3, 'PUT likewise');
    get("/inv/else?f=Location:$path&s=1", method => 'POST', body => 'x');
    get($t, method => 'OPTIONS');
    is(hits($t, 3), 3, 'OPTIONS changes nothing');
    get("$path?n=1&s=$size&st=500", method => 'DELETE');
    is(hits($t, 3), 3, 'nor does what failed');
}

# ---- past the cache, sticky servers, logs, other servers

{
    my $r = get('/body?n=1', body => 'abc');
    is($r->{status}, 200, 'GET with a body');
    is(hits('/body?n=1', 2), 1, 'is not stored');
    $r = get('/stuck/a?cc=private');
    like(header($r, 'Set-Cookie') // '', qr/^srv=/, 'what is not stored has the cookie of its server');
    $r = get('/stuck/b');
    my $again = get('/stuck/b');
    ok(!(is_hit($again) && header($again, 'Set-Cookie')), 'nobody gets the cookie of another');
    $r = get('/both/a?s=40');
    same($r->{body}, content('/both/a|', 40), 'a server that refuses is passed over');
    is(hits('/both/a?s=40', 3), 3, 'and the answer is stored');
}
{
    my $at = $w->port('up');
    get('/log?s=77') for 1 .. 2;
    ok(eventually(sub { $w->read('access.log') =~ m{^/log\?s=77 \[hit\]}m }), 'the hit is in the access log');
    my @lines = grep { m{^/log\?} } split /\n/, $w->read('access.log');
    like($lines[0], qr{\[uri-miss\] \[200\] \[127\.0\.0\.1:$at\]}, 'the miss with its upstream');
    like($lines[1], qr{\[hit\] \[-?\] \[-?\]}, 'the hit with none');
    my ($stale) = grep { m{^/val500} && /stale/ } split /\n/, $w->read('access.log');
    like($stale // '', qr{\[stale\] \[304\]}, 'what was validated with the 304');
}

# ---- it outlasts the instance

$w->stop_ok;
start_up($w);
is(hits('/a0?s=20&t=0', 3), 3, 'after a restart it is there: small');
is(hits('/d0?s=700000&t=0', 3), 3, 'and large');
same(get('/d0?s=700000&t=0')->{body}, content('/d0|', 700_000), 'with its body');
is(hits('/vary?v=X-Lang&s=200', 3, headers => ['X-Lang' => 'de']), 3, 'and a variant');
is(get('/inv/a?n=1&s=30')->{body} eq content('/inv/a|1', 30), '', 'and nothing that was dropped');
is(hits('/mem/a0?s=20&t=0', 3), 2, 'but for what was in memory');
$w->stop_ok;
done_testing();
