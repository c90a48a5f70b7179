#!/usr/bin/env perl

# What happens while a cache is filled: many who wait for one answer, those who come and go meanwhile, slow ones, answers
# that are too large or not for a cache, upstreams that break off; HTTP/2 and TLS; reloads and the end of a worker.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;
use Weir::Cached;
use Weir::Client qw(header headers request_bytes);
use Weir::H2;
use Weir::Processes qw(start_up eventually);
use Weir::Tls;

local $SIG{ALRM} = sub { die "the test of fills takes too long\n" };
alarm 280;


my $w = Weir->new(ports => [qw(http h2 tls up ws gone)], conf => <<'CONF');
workers = 3;
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
drain_timeout = "20s";
listeners = ( "127.0.0.1:{{http}}", { address = "127.0.0.1:{{h2}}"; http2 = true; },
  { address = "127.0.0.1:{{tls}}"; tls = { certificates = ( { cert = "{{dir}}/a.pem"; key = "{{dir}}/a.key"; } ); }; } );
caches = ( { name = "c"; path = "{{dir}}/cache"; size = "400m"; memory = "8m"; } );
upstreams = ( { name = "up"; servers = ( "127.0.0.1:{{up}}" ); }, { name = "ws"; servers = ( "127.0.0.1:{{ws}}" ); },
  { name = "both"; servers = ( { address = "127.0.0.1:{{gone}}"; weight = 100; }, "127.0.0.1:{{up}}" ); } );
defaults = { cache = "c"; };
sites = ( { name = "s"; access_log = { path = "{{dir}}/access.log"; format = "json"; }; retry = { tries = 1; }; timeouts = { read = "5s"; };
  routes = (
    { prefix = "/ws"; proxy = "ws"; },
    { prefix = "/small/"; proxy = "up"; cache = { max_object = "200k"; }; },
    { prefix = "/swr/"; proxy = "up"; cache = { stale_while_revalidate = "1h"; }; },
    { prefix = "/lock/"; proxy = "up"; cache = { lock_timeout = "300ms"; }; },
    { prefix = "/free/"; proxy = "up"; cache = { lock = false; }; },
    { prefix = "/pass/"; proxy = "up"; cache = { hit_for_miss = "1s"; }; },
    { prefix = "/both/"; proxy = "both"; retry = { tries = 3; }; },
    { prefix = "/retry/"; proxy = "up"; retry = { tries = 3; on = [ "connect", "reset", "503" ]; }; },
    { prefix = "/"; proxy = "up"; } ); } );
CONF
Weir::Tls->certificate($w->dir, 'a');
my $up = cached_upstream($w, 'up');
my $ws = $w->upstream('ws', {'/ws' => 'websocket', '*' => 'echo'});
$w->allow(qr{cut short}, qr{-> 502 upstream up}, qr{"GET /(?:retry|both)/.* is tried});
start_up($w);
my $port = $w->port('http');

sub get { my ($target, %o) = @_; return $w->get('http', $target, %o) }
sub n { return fetches($w, $_[0]) }

# How many of the answers are whole and have this body.
sub good {
    my ($body, @r) = @_;
    return scalar grep { $_ && !$_->{error} && $_->{status} == 200 && $_->{body} eq $body } @r;
}

# Whether the memory of a process says anything: a sanitizer keeps what is freed.
sub is_bounded {
    my ($before, $during, $name) = @_;
    open my $in, '<', Weir::binary() or die "binary: $!\n";
    binmode $in;
    while (readline $in) {
        return pass("$name: not told of a sanitizer's") if /__asan_/;
    }
    return cmp_ok($during - $before, '<', 12_000, "$name: $before, then $during KB");
}

# The largest resident set among the processes, in KB.
sub largest {
    my ($most) = sort { $b <=> $a } map {
        open my $fh, '<', "/proc/$_/status" or next;
        map { /^VmRSS:\s+(\d+)/ ? $1 : () } readline $fh
    } $w->children;
    return $most;
}

# ---- one fetch for all

for my $case ([small => 900, 0], [short => 900, 1], [large => 500_000, 0], [chunks => 500_000, 1], [close => 120_000, 2]) {
    my ($name, $size, $how) = @$case;
    my @r = in_parallel($port, ("/one/$name?s=$size&t=$how&d=0.4") x 40);
    is(good(content("/one/$name|", $size), @r), 40, "$name: 40 at once get it");
    is(n("/one/$name"), 1, 'of one fetch');
    is(scalar(grep { status_of($_) =~ /^fwd=uri-miss; .*stored; collapsed/ } @r) + scalar(grep { is_hit($_) } @r), 39, 'as they are told');
}
{
    my @c = begin($port, GET => '/trickle?s=400000&p=0.1&t=1');
    for (1 .. 8) {
        read_together(0.08, @c);
        push @c, begin($port, GET => '/trickle?s=400000&p=0.1&t=1');
    }
    is(good(content('/trickle|', 400_000), finish(@c)), 9, 'those who come while it is filled get all of it');
    is(n('/trickle'), 1, 'of one fetch');
}
for my $size (60_500, 62_000, 64_500, 65_536, 66_000) {
    # About what is small for the store.
    for my $how (0, 1) {
        my $path = "/edge$size-$how";
        is(good(content("$path|", $size), in_parallel($port, ("$path?s=$size&t=$how&p=0.02") x 6)), 6, "$path while it is filled");
        ok(is_hit(get("$path?s=$size&t=$how&p=0.02")), 'and stored');
    }
}
for my $size (30_000, 400_000) {
    my $t = "/leave$size?s=$size&p=0.06";
    my @c = map { begin($port, GET => $t) } 1 .. 12;
    read_together(0.2, @c);
    for my $i (0, 3, 5, 6, 9, 11) { $i % 2 ? $c[$i]->reset : $c[$i]->close }
    is(good(content("/leave$size|", $size), finish(grep { $_->{sock} } @c)), 6, "$size: others leave");
    is(n("/leave$size"), 1, 'one fetch');

    $t = "/alone$size?s=$size&p=0.06&t=1";
    my $c = begin($port, GET => $t);
    read_together(0.15, $c);
    $c->reset;
    ok(eventually(sub { is_hit(get($t)) }), 'the only client leaves: it is filled all the same');
    same(get($t)->{body}, content("/alone$size|", $size), 'whole');
    is(n("/alone$size"), 1, 'by the one fetch');
}
{
    # Before the head is there.
    my $c = begin($port, GET => '/early?d=0.4&s=100');
    sleep 0.1;
    $c->reset;
    ok(eventually(sub { n('/early') == 1 }), 'the upstream is asked');
    same(get('/early?d=0.4&s=100')->{body}, content('/early|', 100), 'the client that comes next gets the answer');
    is(n('/early'), 1, 'to the question of the one that left');
}

# ---- not for a cache: nobody waits for anybody

{
    my @r = in_parallel($port, ('/pass/a?cc=private&d=0.7&n=1&s=50') x 20);
    is(scalar(grep { $_->{status} == 200 } @r), 20, 'what may not be stored: 20 at once are answered');
    my %bodies = map { $_->{body} => 1 } @r;
    is(scalar(keys %bodies), 20, 'each for itself');
    my @at = sort { $a <=> $b } map { $_->{time} } grep { $_->{target} =~ m{^/pass/a} } $up->seen;
    cmp_ok($at[-1] - $at[0], '<', 7, 'not one after the other');
    is(scalar(@at), 20, '20 questions');
    @r = in_parallel($port, ('/pass/a?cc=private&d=0.7&n=1&s=50') x 5);
    @at = sort { $a <=> $b } map { $_->{time} } grep { $_->{target} =~ m{^/pass/a} } $up->seen;
    cmp_ok($at[-1] - $at[-5], '<', 2, 'nor the next time');
}
for my $how (0, 1) {
    my $t = "/small/a$how?s=3000000&t=$how&d=0.3";
    my @r = in_parallel($port, ($t) x 12);
    is(good(content("/small/a$how|", 3_000_000), @r), 12, "t=$how: too large to be stored: all get it whole");
    is(scalar(grep { is_hit(get($t)) } 1 .. 2), 0, 'it is not there');
}
{
    # One that reads nothing holds up those that are sent it in step, and takes no memory.
    my $t      = '/small/slow?s=20000000&t=1&d=0.3';
    my $before = largest();
    my @c      = map { begin($port, GET => $t) } 1 .. 6;
    read_together(3, @c[1 .. 5]);
    my $during = largest();
    is_bounded($before, $during, 'memory while one reads nothing');
    is(good(content('/small/slow|', 20_000_000), finish(@c)), 6, 'and all get it whole');
    # It leaves: the others go on.
    $t = '/small/gone?s=20000000&t=1&d=0.3';
    @c = map { begin($port, GET => $t) } 1 .. 6;
    read_together(1.5, @c[1 .. 5]);
    $c[0]->reset;
    my $at = time;
    is(good(content('/small/gone|', 20_000_000), finish(@c[1 .. 5])), 5, 'once it has left the others get the rest');
    # There is no end of what nobody wants.
    my $c = begin($port, GET => '/small/endless?s=30000000&t=1&p=0.2');
    read_together(0.3, $c);
    $c->reset;
    ok($up->wait_seen(1, event => 'close'), 'its upstream connection is ended');
}
{
    my $t = '/hit-slow?s=20000000';
    same(get($t)->{body}, content('/hit-slow|', 20_000_000), '20 MB');
    my $before = largest();
    my @c = map { begin($port, GET => $t) } 1 .. 10;
    sleep 1;
    my $during = largest();
    is_bounded($before, $during, 'ten that do not read 20 MB');
    is(good(content('/hit-slow|', 20_000_000), finish(@c)), 10, 'and then do');
    # While it is filled.
    $t = '/fill-slow?s=20000000&p=0.1';
    @c = map { begin($port, GET => $t) } 1 .. 6;
    read_together(2, @c[0 .. 2]);
    $during = largest();
    is_bounded($before, $during, 'the same during a fill');
    is(good(content('/fill-slow|', 20_000_000), finish(@c)), 6, 'whole for quick and slow ones');
    is(n('/fill-slow'), 1, 'of one fetch');
}

# ---- those who have waited long enough; no lock

{
    my $t = '/lock/a?d1=3&s=60';
    my $c = begin($port, GET => $t);
    ok(eventually(sub { n('/lock/a') == 1 }), 'a fetch that takes long');
    my $at = time;
    my @r = in_parallel($port, ($t) x 3);
    is(good(content('/lock/a|', 60), @r), 3, 'lock_timeout: they ask themselves');
    cmp_ok(time - $at, '<', 2.5, 'and do not wait for the first');
    cmp_ok(n('/lock/a'), '>=', 2, 'so the upstream is asked again');
    is(good(content('/lock/a|', 60), finish($c)), 1, 'the first gets its own');
    @r = in_parallel($port, ('/free/a?d=0.4&s=60') x 4);
    is(good(content('/free/a|', 60), @r), 4, 'lock = false');
    cmp_ok(n('/free/a'), '>=', 2, 'asks more than once');
}

# ---- upstreams that break off

for my $case ([0, 20_000], [0, 300_000], [1, 20_000], [1, 300_000]) {
    my ($how, $size) = @$case;
    my $path = "/cut-$how-$size";
    my $t    = "$path?s=$size&t=$how&d=0.3&cut=" . $size / 2;
    my @r    = in_parallel($port, ($t) x 9);
    is(scalar(grep { !$_ || $_->{error} } @r), 9, "$path: nobody takes it for whole");
    my $all = content("$path|", $size);
    is(scalar(grep { $_ && index($all, $_->{body}) != 0 } @r), 0, 'what they got is its beginning');
    my $n = n($path);
    $t =~ s/&cut=\d+//;
    is(good($all, get($t)), 1, 'the next one is whole');
    my $r = get("$path?s=$size&t=$how&d=0.3&cut=" . $size / 2);
    ok(!$r || $r->{error}, 'nothing of it was stored');
}
{
    $w->write('do', 'reset');
    my @r = in_parallel($port, ('/broken?m=do&d=0.3') x 18);
    is(scalar(grep { $_->{status} == 502 } @r), 18, 'no answer: all are told');
    cmp_ok(n('/broken'), '<=', 6, 'by a question of each worker, which a kept connection may have it ask again');
    $w->write('do', '');
    is(get('/broken?m=do')->{status}, 200, 'which is not stored');
    $w->write('do', 'reset');
    my $c = begin($port, GET => '/retry/a?m=do&d=0.3');
    ok(eventually(sub { n('/retry/a') == 1 }), 'a first try');
    $w->write('do', '');
    is((finish($c))[0]{status}, 200, 'and a second, within one fetch');
    ok(is_hit(get('/retry/a?m=do&d=0.3')), 'whose answer is stored');
    # What the log of others says of it does not depend on the first.
    my $t = '/both/b?d=0.4&s=4000000';
    my @c = map { begin($port, GET => $t) } 1 .. 9;
    ok(eventually(sub { n('/both/b') == 1 }), 'a second server is asked, for many');
    $_->reset for @c[0 .. 2];
    ok(eventually(sub { is_hit(get($t)) }), 'and answers');
    is(good(content('/both/b|', 4_000_000), finish(@c[3 .. 8])), 6, 'all get it');
    ok(eventually(sub { $w->read('access.log') =~ m{/both/b.*"upstream_addr":\["127[^"]*","127} }), 'the log has both servers');
}

# ---- HTTP/2 and TLS

{
    my $h = Weir::H2->new(port => $w->port('h2'), windows => 1);
    for my $size (500, 300_000) {
        my $path = "/h2/$size?s=$size&d=0.3";
        my @ids  = map { $h->request(GET => $path) } 1 .. 8;
        $h->rst($ids[3], 8);
        my @r = map { $h->response($ids[$_]) } 0 .. 2, 4 .. 7;
        is(scalar(grep { $_ && $_->{status} == 200 && $_->{body} eq content("/h2/$size|", $size) } @r), 7, "$size: streams of one key");
        is(n("/h2/$size"), 1, 'one fetch');
        my $r = $h->response($h->request(GET => $path));
        like(Weir::H2::header($r, 'cache-status'), qr/^weir; hit/, 'then a hit');
        same($r->{body}, content("/h2/$size|", $size), 'whole');
    }
    my @ids = map { $h->request(GET => '/h2/part?s=300000&p=0.05&t=1') } 1 .. 6;
    $h->until(sub { length $h->_stream($ids[0])->{body} > 20_000 });
    $h->rst($_, 8) for @ids[0, 2];
    my @r = map { $h->response($_) } @ids[1, 3, 4, 5];
    is(scalar(grep { $_->{body} eq content('/h2/part|', 300_000) } @r), 4, 'streams that are reset during a fill');
    @ids = map { $h->request(GET => '/h2/cut?s=300000&t=1&d=0.2&cut=200000') } 1 .. 4;
    is(scalar(grep { defined $_->{reset} } map { $h->response($_) } @ids), 4, 'a cut answer resets the streams');
    my $r = $h->response($h->request(HEAD => '/h2/300000?s=300000&d=0.3'));
    is(Weir::H2::header($r, 'content-length'), 300_000, 'HEAD');
    $r = $h->response($h->request(GET => '/h2/300000?s=300000&d=0.3', [range => 'bytes=250000-250009']));
    is($r->{body}, substr(content('/h2/300000|', 300_000), 250_000, 10), 'a range');

    # A connection that goes away with all its streams, and one whose windows are shut.
    my $gone = Weir::H2->new(port => $w->port('h2'), windows => 1);
    $gone->request(GET => '/h2/gone?s=300000&p=0.05&t=1') for 1 .. 6;
    my $c = begin($port, GET => '/h2/gone?s=300000&p=0.05&t=1');
    $gone->until(sub { length $gone->_stream(1)->{body} > 20_000 });
    $gone->close;
    is(good(content('/h2/gone|', 300_000), finish($c)), 1, 'a connection is gone: others get it');
    my $shut = Weir::H2->new(port => $w->port('h2'));
    my @shut = map { $shut->request(GET => '/h2/gone?s=300000&p=0.05&t=1') } 1 .. 3;
    $shut->head($_) for @shut;
    $shut->window(0, 2_000_000);
    $shut->window($_, 2_000_000) for @shut;
    is(scalar(grep { $shut->response($_)->{body} eq content('/h2/gone|', 300_000) } @shut), 3, 'windows that open late');
    $_->close for $h, $shut;

    for my $size (300, 600_000) {
        my $t = "/tls/$size?s=$size&p=0.02";
        my $early = Weir::Tls->client(port => $w->port('tls'), dir => $w->dir);
        $early->send(request_bytes(GET => $t));
        ok(eventually(sub { n("/tls/$size") == 1 }), 'TLS: a miss');
        Weir::Tls->end($early);
        $r = Weir::Tls->get($w->port('tls'), $t, dir => $w->dir);
        same($r->{body}, content("/tls/$size|", $size), 'whose client leaves: another gets it');
        is(n("/tls/$size"), 1, 'of one fetch');
        ok(is_hit(Weir::Tls->get($w->port('tls'), $t, dir => $w->dir)), 'and a hit');
        is(n("/tls/$size"), 1, 'https');
        get($t);
        is(n("/tls/$size"), 2, 'is another key than http');
    }
}

# ---- tunnels and bodies

{
    my $c = $w->client('http');
    $c->send(request_bytes(GET => '/ws', [Connection => 'Upgrade', Upgrade => 'websocket', 'Sec-WebSocket-Version' => 13,
        'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==']));
    is($c->read_response->{status}, 101, 'a tunnel passes a cache');
    $c->send('ping');
    is($c->read_bytes(4), 'ping', 'both ways');
    $c->close;
    my $r = get('/ws/post', method => 'POST', body => 'x' x 200_000);
    is(length($r->{body} =~ s/.*?\r\n\r\n//sr), 200_000, 'and so does a body');
}

# ---- reloads, and the end

{
    my @c = map { begin($port, GET => "/reload$_?s=500000&p=0.15&t=" . ($_ & 1)) } 1 .. 4;
    ok(eventually(sub { 4 == grep { n("/reload$_") } 1 .. 4 }), 'fills run');
    for (1 .. 3) {
        my $next = $_ + 1;
        $w->signal('HUP');
        ok($w->wait_log(qr/Generation $next serves/), 'reload');
        push @c, begin($port, GET => "/reload$_?s=500000&p=0.15&t=" . ($_ & 1));
    }
    my @r = finish(@c);
    is(scalar(grep { good(content("/reload$_|", 500_000), $r[$_ - 1]) } 1 .. 4), 4, 'nothing is lost by reloads');
    is(scalar(grep { good(content("/reload$_|", 500_000), $r[$_ + 3]) } 1 .. 3), 3, 'nor for those who come after');
    is(n("/reload$_"), 1, 'one fetch over generations') for 1 .. 4;
    ok(is_hit(get("/reload$_?s=500000&p=0.15&t=" . ($_ & 1))), 'and it is stored') for 1 .. 4;
}
{
    my $t = '/swr/end?a=900&k=1&n=1&s=40&d=1';
    get($t);
    same(get($t)->{body}, content('/swr/end|1', 40), 'one is fetched behind');
    ok(eventually(sub { n('/swr/end') == 2 }), 'asked for');
    my $c = begin($port, GET => '/end?s=400000&p=0.1');
    ok(eventually(sub { n('/end') == 1 }), 'and one is filled');
    $w->signal('QUIT');
    is(good(content('/end|', 400_000), finish($c)), 1, 'at the end it gets all of it');
    ok(eventually(sub { $w->_ended }), 'the instance ends') or $w->kill;
    start_up($w);
    is(status_of(get($t)) =~ /^hit; ttl=\d+$/ ? 1 : 0, 1, 'what was fetched behind was stored');
    same(get($t)->{body}, content('/swr/end|2', 40), 'the new one');
    ok(is_hit(get('/end?s=400000&p=0.1')), 'and what was filled');
}
$w->stop_ok;
done_testing();
