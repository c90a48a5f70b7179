#!/usr/bin/env perl

# What must never come out of a cache, and what must not harm it: answers meant for one client, requests that say one thing
# and mean another, heads without measure; and disks that are full or may not be written.

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

local $SIG{ALRM} = sub { die "the test of what is safe takes too long\n" };
alarm 200;

my $w = Weir->new(ports => [qw(http up echo)], conf => <<'CONF');
workers = 2;
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( "127.0.0.1:{{http}}" );
caches = ( { name = "c"; path = "{{dir}}/cache"; size = "100m"; }, { name = "full"; path = "{{dir}}/full/cache"; size = "64m"; memory = 0; },
  { name = "barred"; path = "{{dir}}/barred"; size = "64m"; memory = 0; } );
upstreams = ( { name = "up"; servers = ( "127.0.0.1:{{up}}" ); }, { name = "echo"; servers = ( "127.0.0.1:{{echo}}" ); } );
defaults = { cache = "c"; request_head = { max_size = "64k"; max_fields = 400; }; };
sites = ( { name = "s"; routes = (
    { prefix = "/echo"; proxy = "echo"; cache = { default_ttl = "10m"; }; },
    { prefix = "/full/"; proxy = "up"; cache = "full"; },
    { prefix = "/barred/"; proxy = "up"; cache = "barred"; },
    { prefix = "/"; proxy = "up"; } ); } );
CONF

my $root = $> == 0;
my $dir  = $w->dir;
mkdir "$dir/$_" or die "$_: $!\n" for qw(full);
my $mounted = $root && system("mount -t tmpfs -o size=2m,mode=0777 none $dir/full 2>/dev/null") == 0;
END { system "umount -l $dir/full 2>/dev/null" if $mounted }

my $up   = cached_upstream($w, 'up');
my $echo = $w->upstream('echo', 'echo');
$w->allow(qr{"GET /smuggle/e});
start_up($w);
my $port = $w->port('http');

sub get { my ($target, %o) = @_; return $w->get('http', $target, %o) }
sub n { return fetches($w, $_[0]) }
sub hits { my ($target, $times, %o) = @_; return scalar grep { is_hit(get($target, %o)) } 1 .. $times }

# ---- what is not in the key does not reach the server that answers for all

for my $name (qw(X-Forwarded-Host X-Forwarded-Scheme X-Original-URL X-Rewrite-URL X-HTTP-Method-Override X-Host Forwarded X-Forwarded-Prefix)) {
    my $r = get("/echo/$name", headers => [$name => 'evil.test']);
    unlike($r->{body}, qr/evil/, "$name is not passed on");
    my $next = get("/echo/$name");
    ok(is_hit($next), 'though the answer is stored');
    unlike($next->{body}, qr/evil/, 'for all');
}
{
    my $r = get('/echo/range', headers => [Range => 'bytes=0-1', 'If-None-Match' => '"evil"', 'If-Range' => '"evil"']);
    unlike(get('/echo/range')->{body}, qr/evil|bytes=/, 'nor what one client asks of its own copy');
    get('/echo/enc', headers => ['Accept-Encoding' => 'evil, gzip']);
    unlike(get('/echo/enc')->{body}, qr/evil/, 'nor codings that nobody knows');
    get('/echo/q?a=1', headers => [Host => 'evil.test']);
    unlike(get('/echo/q?a=1')->{body}, qr/evil/, 'a host is part of the key');
    is(hits('/echo/%71?a=1', 1) + hits('/echo/x/../q?a=1', 1), 2, 'and a path has one form');
    is(hits('/echo/q?a=%31', 1), 0, 'a query is as it came');
    get('/echo/cl', headers => ['Content-Length' => '0']);
    ok(hits('/echo/cl', 1), 'a length of nothing is nothing');
}

# ---- meant for one

for my $case (
    ['auth', [Authorization => 'Basic eA=='], '', 0],
    ['auth-public', [Authorization => 'Basic eA=='], '?cc=public,max-age=60', 1],
    ['auth-smax', [Authorization => 'Basic eA=='], '?cc=s-maxage=60', 1],
    ['private', [], '?cc=private,max-age=60', 0],
    ['no-store', [], '?cc=no-store', 0],
    ['asked', ['Cache-Control' => 'no-store'], '', 0],
    ['cookie', [], '?sc=a=1', 0],
    ['cookie-public', [], '?sc=a=1&cc=public,max-age=60', 0],
    ['vary-star', [], '?v=*', 0],
    ['status-206', [], '?st=206', 0],
    ['unclosed', [], '?cc=max-age=60,%20x="', 0],
    ['twice', [], '?cc=max-age=60,max-age=0', 0],
    ['huge', [], '?cc=max-age=99999999999999999999', 1],
    ['negative', [], '?cc=max-age=-1', 0],
) {
    my ($name, $fields, $query, $kept) = @$case;
    get("/one/$name$query", headers => $fields);
    is(hits("/one/$name$query", 1), $kept, "$name: " . ($kept ? 'for all' : 'for one'));
}
{
    # Two who wait for the same, of whom one has shown who he is.
    my @r = in_parallel($port, [GET => '/one/both?d=0.3&n=1', [Authorization => 'Basic eA==']], ('/one/both?d=0.3&n=1') x 4);
    my $own = shift @r;
    is(scalar(grep { $_->{body} eq $own->{body} } @r), 0, 'nobody who waits gets the answer to Authorization');
    is(get('/one/both?d=0.3&n=1')->{body} eq $own->{body} ? 1 : 0, 0, 'nor later');
    @r = in_parallel($port, ('/one/cookies?d=0.3&n=1&sc=id=1') x 8);
    my %bodies = map { $_->{body} => 1 } @r;
    is(scalar(keys %bodies), 8, 'nor the one with the cookie of another');
}

# ---- smuggling

{
    my $c = $w->client('http');
    $c->send("GET /smuggle/a?n=1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 44\r\n\r\nGET /smuggle/evil HTTP/1.1\r\nHost: a.test\r\n\r\n"
        . "GET /smuggle/b HTTP/1.1\r\nHost: a.test\r\n\r\n");
    my ($first, $second) = ($c->read_response, $c->read_response);
    same($second->{body}, content('/smuggle/b|', 20), 'a GET with a body: the next answer is of the next request');
    is(n('/smuggle/evil'), 0, 'what is in the body is no request');
    is(hits('/smuggle/a?n=1', 1), 0, 'nothing is stored of it');
    for my $bad ("Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: xchunked", "Content-Length: 1\r\nContent-Length: 2",
        "Transfer-Encoding : chunked", "Content-Length: +1") {
        $c = $w->client('http');
        $c->send("GET /smuggle/c HTTP/1.1\r\nHost: a.test\r\n$bad\r\n\r\n0\r\n\r\nGET /smuggle/evil HTTP/1.1\r\nHost: a.test\r\n\r\n");
        my $r = $c->read_response;
        cmp_ok($r->{status}, '>=', 400, 'refused: ' . $bad =~ s/\r\n/, /r);
    }
    is(n('/smuggle/evil'), 0, 'none of them reached the server');
    is(hits('/smuggle/c', 2), 1, 'and none of the errors was stored');
    get('/smuggle/d?f=X-A:b%0d%0aSet-Cookie:evil=1');
    is(header(get('/smuggle/d?f=X-A:b%0d%0aSet-Cookie:evil=1'), 'Set-Cookie'), undef, 'two fields of an answer are judged as two')
        if is_hit(get('/smuggle/d?f=X-A:b%0d%0aSet-Cookie:evil=1'));
    my $r = get('/smuggle/e?f=Content-Length:5');
    is($r->{status}, 502, 'an answer of two lengths');
    is(hits('/smuggle/e', 1), 0, 'is not stored');
}

# ---- without measure

{
    my $long = '/long/' . 'k' x 9000;
    same(get("$long?s=50")->{body}, content("$long|", 50), 'a key of 9 KB');
    is(hits("$long?s=50", 3), 0, 'is none: it goes past the cache');
    $long = substr $long, 0, 8000;
    get("$long?s=50");
    is(hits("$long?s=50", 3), 3, 'one of 8000 bytes is one');
    my $other = substr($long, 0, 7999) . 'x';
    same(get("$other?s=50")->{body}, content("$other|", 50), 'and all of it counts');
    my $r = get('/long/head?fn=60&fs=1000&s=50');
    like($r->{status}, qr/^(?:200|502)$/, "a head of 60 KB: $r->{status}");
    same($r->{body}, content('/long/head|', 50), 'is sent on') if $r->{status} == 200;
    $r = get('/long/head?fn=60&fs=1000&s=50');
    is(scalar(grep { $_->[0] =~ /^X-F/ } @{$r->{headers}}), 60, 'with all its fields, again') if $r->{status} == 200;
    $r = get('/long/fields?fn=300&s=50');
    like($r->{status}, qr/^(?:200|502)$/, "300 fields: $r->{status}");
    $r = get('/long/fields?fn=300&s=50');
    is(scalar(grep { $_->[0] =~ /^X-F/ } @{$r->{headers}}), 300, 'all of them, again') if $r->{status} == 200;
    $r = get('/long/some?fn=200&s=50') for 1 .. 2;
    is(scalar(grep { $_->[0] =~ /^X-F/ } @{$r->{headers}}), 200, '200 fields from the cache') if $r->{status} == 200;
    my $names = join ',', map { "X-N$_" } 1 .. 20;
    my @f = map { ("X-N$_" => "v$_") } 1 .. 20;
    my $body = content('/long/vary||' . join('|', map { "v$_" } 1 .. 20), 50);
    same(get("/long/vary?v=$names&s=50", headers => \@f)->{body}, $body, 'a Vary of 20 names') for 1 .. 3;
    $f[39] = 'other';
    isnt(get("/long/vary?v=$names&s=50", headers => \@f)->{body}, $body, 'of which the last counts, too');
    @f = ('X-N1' => 'w' x 20_000);
    same(get('/long/wide?v=X-N1&s=50', headers => \@f)->{body}, content('/long/wide||' . 'w' x 20_000, 50), 'and a long value') for 1 .. 2;
    $f[1] = 'w' x 19_999;
    same(get('/long/wide?v=X-N1&s=50', headers => \@f)->{body}, content('/long/wide||' . 'w' x 19_999, 50), 'of which all counts');
}

# ---- disks

SKIP: {
    skip 'no tmpfs can be mounted', 1 if !$mounted;
    $w->allow(qr/cache "full"/);
    my $good = 0;
    for my $i (1 .. 24) {
        for my $size (1000, 60_000, 300_000) {
            my $r = get("/full/$size-$i?s=$size&t=" . ($i & 1));
            $good++ if $r->{status} == 200 && !$r->{error} && $r->{body} eq content("/full/$size-$i|", $size);
        }
    }
    is($good, 72, 'a full disk: each answer comes whole');
    ok($w->wait_log(qr/cache "full".*(?:space|room)/), 'and the log says so');
    my @r = in_parallel($port, ('/full/many?s=3000000&t=1&d=0.3') x 8);
    is(scalar(grep { !$_->{error} && $_->{body} eq content('/full/many|', 3_000_000) } @r), 8, 'larger than the disk, for several');
    # One that is stale goes on as it is where nothing can be written.
    my $t = '/full/1000-1?s=1000&t=1';
    same(get($t)->{body}, content('/full/1000-1|', 1000), 'what was stored before is right') for 1 .. 3;
    $good = 0;
    for my $i (1 .. 24) {
        for my $size (1000, 60_000, 300_000) {
            $good++ if get("/full/$size-$i?s=$size&t=" . ($i & 1))->{body} eq content("/full/$size-$i|", $size);
        }
    }
    is($good, 72, 'whether it is there or not');
}
{
    # The directory is taken away from under it.
    $w->allow(qr/cache "barred"/);
    get('/barred/before?s=100');
    my $hidden = system("mount -t tmpfs -o ro,size=64k none $dir/barred 2>/dev/null") == 0 if $root;
  SKIP: {
        skip 'nothing can be mounted', 1 if !$hidden;
        system "umount -l $dir/barred";
    }
    my $readonly = $root && system("mount --bind $dir/barred $dir/barred 2>/dev/null && mount -o remount,ro,bind $dir/barred 2>/dev/null") == 0;
  SKIP: {
        skip 'nothing can be made read-only', 1 if !$readonly;
        # The descriptor that workers hold is of before: they have to open it anew.
        $w->signal('HUP');
        ok($w->wait_log(qr/Generation 2 serves|read-only|Read-only|reload refused/), 'a read-only directory at a reload');
        my $good = 0;
        for my $size (100, 70_000) {
            for my $i (1 .. 4) {
                my $r = get("/barred/$size-$i?s=$size");
                $good++ if $r->{status} == 200 && $r->{body} eq content("/barred/$size-$i|", $size);
            }
        }
        is($good, 8, 'answers are passed on');
        ok((grep { /cache "barred"/ } $w->log_lines), 'and the log says so');
        system "umount -l $dir/barred";
    }
}
$w->stop_ok;
done_testing();
