#!/usr/bin/env perl

# What an operator sees of caches and does to them: purges by key, prefix, tag and all, hard and soft, in all of four
# workers at once, over a restart and a kill; the purge route and whom it obeys; why something is stored or not; metrics.

use strict;
use warnings;
use FindBin;
use IO::Socket::INET;
use JSON::PP;
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Client qw(header);
use Weir::Processes qw(start_up eventually);

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 240;

my $json = JSON::PP->new->utf8;
my $workers = 4;

sub conf_text {
    return <<"CONF";
workers = $workers;
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
caches = ( { name = "c"; path = "{{dir}}/cache"; size = "200m"; memory = "16m"; tags_header = "Tags";
             hit_for_miss = "30s"; ignore_query = [ "utm" ]; },
           { name = "o/ther"; path = "memory"; size = "10m"; } );
listeners = ( "127.0.0.1:{{http}}", { address = "127.0.0.1:{{admin}}"; admin = true; } );
upstreams = ( { name = "app"; servers = ( "127.0.0.1:{{app}}" ); } );
sites = ( { name = "x"; response_headers = { set = { X-Worker = "\$request_id"; }; };
  routes = (
    { name = "drop"; prefix = "/"; when = ( { method = [ "PURGE" ]; }, { source = [ "127.0.0.1" ]; } ); purge = "c"; },
    { name = "moved"; prefix = "/drop/"; strip_prefix = "/drop"; when = ( { source = [ "127.0.0.1" ]; } ); purge = "c"; },
    { name = "never"; prefix = "/never/"; proxy = "app"; },
    { name = "droppart"; prefix = "/part/"; when = ( { method = [ "PURGE" ]; }, { source = [ "127.0.0.1" ]; } ); purge = "c"; },
    { name = "part"; prefix = "/part/"; proxy = "app"; cache = { name = "c"; bypass = ( { header = "X-Fresh"; } );
      key = "part:\$path"; }; },
    { name = "other"; prefix = "/other/"; proxy = "app"; cache = "o/ther"; },
    { name = "all"; prefix = "/"; proxy = "app"; cache = "c"; } ); } );
CONF
}

# Answers with a number that is new each time, and with what the path asks for: /tag/T/, /age/S/, /vary/, /private/;
# what has not changed when If-None-Match says so, where the path has /same/.
my $count = 0;

sub app {
    my ($conn, $req) = @_;
    my $target = $req->{target};
    if ($req->{method} eq 'PURGE') {    # what succeeds would make it invalid, as any unsafe method does
        $conn->send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        return 1;
    }
    my $age = $target =~ m{/age/(\d+)} ? $1 : 600;
    my @fields = ('Cache-Control', $target =~ m{/private/} ? 'private' : "max-age=$age", 'ETag', '"one"');
    push @fields, Tags => "every, $1" if $target =~ m{/tag/(\w+)};
    push @fields, Vary => 'Accept-Language' if $target =~ m{/vary/};
    select undef, undef, undef, 0.7 if $target =~ m{/slow/};
    my $none = header($req, 'if-none-match');
    my $same = $target =~ m{/same/} && $none;
    my $body = $same ? '' : sprintf "%d.%d\n", $$, $count++;
    my $head = $same ? "HTTP/1.1 304 Not Modified\r\n" : "HTTP/1.1 200 OK\r\nContent-Length: " . length($body) . "\r\n";
    while (my ($n, $v) = splice @fields, 0, 2) { $head .= "$n: $v\r\n" }
    $conn->send("$head\r\n$body");
    return 1;
}

my @keep;

sub new_weir {
    my $w = Weir->new(ports => [qw(http admin app)], conf => conf_text());
    mkdir "$w->{dir}/cache", 0700;
    chown((getpwnam 'nobody')[2, 3], "$w->{dir}/cache") if $> == 0;
    push @keep, $w->upstream('app', \&app, brief => 1);
    return start_up($w);
}

sub call {
    my ($w, $method, $path, $data, %o) = @_;
    my $body = !defined $data ? '' : ref $data ? $json->encode($data) : $data;
    my $type = $o{type} // 'application/json';
    my $c = $w->client('admin');
    $c->send("$method /api/v1/$path HTTP/1.1\r\nHost: localhost\r\nContent-Type: $type\r\nContent-Length: "
        . length($body) . "\r\n\r\n$body");
    my $r = $c->read_response;
    return ($r->{status} // 0, eval { $json->decode($r->{body} // '') });
}

sub purge {
    my ($w, %what) = @_;
    $what{$_} = JSON::PP::true for grep { exists $what{$_} } qw(all soft);
    my ($status, $answer) = call($w, 'POST', 'cache/c/purge', \%what);
    return $status == 200 && $answer->{ok} && $answer->{saved} ? 'purged' : "$status " . $json->encode($answer);
}

sub ctl { my ($w, @args) = @_; return $w->run('ctl', '-c', $w->dir . '/weir.conf', @args) }

sub host { return '127.0.0.1:' . $_[0]->port('http') }
sub url { my ($w, $path) = @_; return 'http://' . host($w) . $path }
sub key { my ($w, $path) = @_; return 'http' . host($w) . $path }

sub why {
    my ($w, $path, @more) = @_;
    my $query = join '&', map { s/([^\w.~-])/sprintf '%%%02X', ord $1/ger =~ s/%3D/=/r } 'url=' . url($w, $path), @more;
    my ($status, $answer) = call($w, 'GET', "cache/why?$query");
    return $status == 200 ? $answer : {answer => "status $status", text => $answer->{error}};
}

sub status_of { return (header($_[0], 'cache-status') // '') =~ s/\Aweir; ?//r }

sub ask { my ($w, $method, $path, @fields) = @_; return $w->get('http', $path, method => $method, headers => [Host => host($w), @fields]) }
sub get { my ($w, $path, @fields) = @_; return ask($w, 'GET', $path, @fields) }

# Asks until each worker has answered, for each path: path => {body => 1}, and how often an upstream was asked.
sub ask_all {
    my ($w, @paths) = @_;
    my (%bodies, %seen, $forwarded);
    for my $try (1 .. 400) {
        for my $path (@paths) {
            my $r = get($w, $path);
            $bodies{$path}{$r->{body} // 'nothing'} = 1;
            my $id = header($r, 'x-worker') // '';
            $seen{$path}{$1} = 1 if $id =~ /-([0-9a-f]+)-[0-9a-f]+\z/;
            $forwarded++ if status_of($r) =~ /fwd=/;
        }
        last if !grep { keys %{$seen{$_} // {}} < $workers } @paths;
    }
    is scalar(keys %{$seen{$_}}), $workers, "all workers were asked for $_" for @paths;
    return \%bodies;
}
sub one { my ($bodies, $path) = @_; my @all = keys %{$bodies->{$path}}; return @all == 1 ? $all[0] : "@all" }

sub metrics {
    my ($w) = @_;
    my $c = $w->client('admin');
    $c->send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    my %m;
    for (split /\n/, $c->read_response->{body}) {
        $m{$1 . ($2 // '')} = $3 if /\A(weir_cache_\w+)\{cache="c"(?:,result="([\w-]+)")?\} (\d+)\z/;
    }
    return \%m;
}

my $w = new_weir();

subtest 'why' => sub {
    is why($w, '/why/1')->{answer}, 'absent', 'before';
    get($w, '/why/1');
    my $why = why($w, '/why/1');
    is $why->{answer}, 'fresh', 'fresh';
    is $why->{key}, key($w, '/why/1'), 'the key';
    is_deeply [@$why{qw(site route cache)}], [qw(x all c)], 'where';
    is_deeply [@{$why->{stored}}{qw(status lifetime lifetime_from)}], [200, 600, 'max-age'], 'what';
    cmp_ok $why->{stored}{ttl}, '<=', 600, 'for how long';
    cmp_ok $why->{stored}{ttl}, '>', 500, 'still';
    like $why->{text}, qr/fresh for \d+ seconds? more/, 'in words';
    is why($w, '/why/1', 'header=Cache-Control: no-cache')->{answer}, 'revalidate', 'not for who wants it validated';
    get($w, '/age/1/why');
    ok eventually(sub { why($w, '/age/1/why')->{answer} eq 'stale' }), 'stale';
    $why = why($w, '/age/1/why');
    like $why->{text}, qr/stale since \d+ second.*asked whether it has changed/, 'in words';
    purge($w, key => key($w, '/why/1'));
    is why($w, '/why/1')->{answer}, 'purged', 'purged';
    get($w, '/why/private/1');
    $why = why($w, '/why/private/1');
    is $why->{answer}, 'absent', 'not storable';
    ok $why->{passes}, 'and nobody waits for it';
    is why($w, '/part/2', 'header=X-Fresh: 1')->{answer}, 'bypass', 'bypass';
    is why($w, '/part/2', 'header=X-Fresh: 1')->{reason}, 'bypass', 'by the setting';
    is why($w, '/part/2', 'method=POST')->{answer}, 'bypass', 'another method';
    is why($w, '/never/1')->{answer}, 'not-cached', 'no cache on the route';
    like why($w, '/drop/1')->{text}, qr/purges the cache "c"/, 'a purge route';
    is why($w, '/why/1', 'method=TRACE')->{answer}, 'not-routed', 'no route';
};

subtest 'each kind of purge, in every worker at once' => sub {
    my @paths = ('/a/1', '/a/2', '/b/1', '/tag/red/1', '/tag/blue/1', '/same/x');
    my $first = ask_all($w, @paths);
    for my $path (@paths) { is keys %{$first->{$path}}, 1, "$path is stored once for all workers" }

    is purge($w, key => key($w, '/a/1')), 'purged', 'a key';
    my $then = ask_all($w, @paths);
    isnt one($then, '/a/1'), one($first, '/a/1'), 'it was asked for anew by whichever worker';
    is one($then, $_), one($first, $_), "$_ is as before" for grep { $_ ne '/a/1' } @paths;

    is purge($w, prefix => key($w, '/a/')), 'purged', 'a prefix';
    my $prefixed = ask_all($w, @paths);
    isnt one($prefixed, $_), one($then, $_), "$_ is new" for grep {m{\A/a/}} @paths;
    is one($prefixed, $_), one($then, $_), "$_ is as before" for grep { !m{\A/a/} } @paths;

    is purge($w, tag => 'red'), 'purged', 'a tag';
    my $tagged = ask_all($w, @paths);
    isnt one($tagged, '/tag/red/1'), one($prefixed, '/tag/red/1'), 'what has the tag is new';
    is one($tagged, $_), one($prefixed, $_), "$_ is as before" for grep { !m{/red/} } @paths;

    is purge($w, all => 1), 'purged', 'all';
    my $all = ask_all($w, @paths);
    isnt one($all, $_), one($tagged, $_), "$_ is new" for @paths;
};

subtest 'softly' => sub {
    my @paths = ('/same/y', '/soft/y', '/tag/green/same/1');
    my $first = ask_all($w, @paths);
    is purge($w, prefix => key($w, '/so'), soft => 1), 'purged', 'a prefix';
    is purge($w, key => key($w, '/same/y'), soft => 1), 'purged', 'a key';
    is purge($w, tag => 'green', soft => 1), 'purged', 'a tag';
    is why($w, $_)->{answer}, 'soft-purged', "$_ is there, and to be validated" for @paths;
    my $seen = () = grep { ($_->{target} // '') eq '/same/y' } $keep[-1]->seen;
    my $r = get($w, '/same/y');
    like status_of($r), qr/\Afwd=stale; fwd-status=304/, 'the upstream says that it is the same';
    is((() = grep { ($_->{target} // '') eq '/same/y' } $keep[-1]->seen), $seen + 1, 'it was asked');
    my $then = ask_all($w, @paths);
    is one($then, '/same/y'), one($first, '/same/y'), 'and the body is the former';
    is one($then, '/tag/green/same/1'), one($first, '/tag/green/same/1'), 'by its tag likewise';
    isnt one($then, '/soft/y'), one($first, '/soft/y'), 'what has changed is new';
    is why($w, '/same/y')->{answer}, 'fresh', 'after that it is fresh again';
};

subtest 'variants' => sub {
    my $ask = sub { return get($w, '/vary/1', 'Accept-Language' => $_[0]) };
    my %first = map { $_ => $ask->($_)->{body} } qw(de en);
    isnt $first{de}, $first{en}, 'two of them';
    is $ask->('de')->{body}, $first{de}, 'stored';
    my $why = why($w, '/vary/1', 'header=Accept-Language: de');
    is $why->{answer}, 'fresh', 'why: fresh';
    is $why->{vary}, 'accept-language', 'varies by the language';
    is_deeply [sort map { $_->{variant} } @{$why->{variants}}], ['accept-language=de', 'accept-language=en'], 'both listed';
    is why($w, '/vary/1', 'header=Accept-Language: fr')->{answer}, 'variant-absent', 'why not: another language';
    is purge($w, key => key($w, '/vary/1')), 'purged', 'the key';
    isnt $ask->($_)->{body}, $first{$_}, "$_ is gone" for qw(de en);
};

subtest 'a tag of a thousand objects' => sub {
    my $c = $w->client('http');
    my $fetch = sub {
        my ($n) = @_;
        my @bodies;
        for my $i (1 .. $n) {
            $c->send("GET /tag/many/$i HTTP/1.1\r\nHost: " . host($w) . "\r\n\r\n");
            push @bodies, $c->read_response->{body};
        }
        return @bodies;
    };
    my @first = $fetch->(1000);
    my @again = $fetch->(1000);
    is_deeply \@again, \@first, 'all are stored';
    is purge($w, tag => 'many'), 'purged', 'one call';
    my @then = $fetch->(1000);
    is scalar(grep { $then[$_] eq $first[$_] } 0 .. 999), 0, 'none is left';
};

subtest 'the purge route' => sub {
    my $first = ask_all($w, '/r/1', '/part/1', '/r/2?utm=x');
    my $r = ask($w, 'PURGE', '/r/1');
    is $r->{status}, 200, 'purged';
    is_deeply [@{$json->decode($r->{body})}{qw(ok cache key)}], [JSON::PP::true, 'c', key($w, '/r/1')], 'and says what';
    is ask($w, 'PURGE', '/r/1')->{status}, 404, 'now nothing is there';
    is ask($w, 'PURGE', '/part/1')->{status}, 200, 'where the GET has a key of its own';
    is ask($w, 'PURGE', '/r/2')->{status}, 200, 'where an argument is not in the key';
    my $then = ask_all($w, '/r/1', '/part/1', '/r/2?utm=x');
    isnt one($then, $_), one($first, $_), "$_ is new" for sort keys %$then;
    is get($w, '/drop/r/1')->{status}, 200, 'by a path of its own';
    is get($w, '/drop/r/1')->{status}, 404, 'which is not asked for itself';
    $r = Weir::Client->new(sock => IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $w->port('http'),
            LocalAddr => '127.0.0.2', Proto => 'tcp'));
    $r->send("PURGE /r/2 HTTP/1.1\r\nHost: " . host($w) . "\r\nConnection: close\r\n\r\n");
    is $r->read_response->{status}, 403, 'a stranger only asks the upstream something';
    is one(ask_all($w, '/r/2?utm=x'), '/r/2?utm=x'), one($then, '/r/2?utm=x'), 'and purges nothing';
};

subtest 'what is being fetched' => sub {
    for my $case (['a key', '/slow/1', sub { purge($w, key => key($w, '/slow/1')) }],
        ['a tag', '/slow/tag/late/1', sub { purge($w, tag => 'late') }],
        ['all', '/slow/2', sub { purge($w, all => 1) }],
        ['the route', '/slow/3', sub { ask($w, 'PURGE', '/slow/3')->{status} == 404 ? 'purged' : 'not' }]) {
        my ($name, $path, $do) = @$case;
        my @early = ($w->client('http'));
        $_->send("GET $path HTTP/1.1\r\nHost: " . host($w) . "\r\n\r\n") for @early;
        ok eventually(sub { why($w, $path)->{fetched_now} }), "$name: it is being fetched";
        is $do->(), 'purged', "$name: purged meanwhile";
        my @late = map { $w->client('http') } 1 .. 8;
        $_->send("GET $path HTTP/1.1\r\nHost: " . host($w) . "\r\n\r\n") for @late;
        my %early = map { $_->read_response->{body} => 1 } @early;
        my %late = map { $_->read_response->{body} => 1 } @late;
        is scalar(grep { $early{$_} } keys %late), 0, "$name: who comes later gets something newer"
            or diag explain [\%early, \%late];
        is scalar(grep { !$late{$_} } keys %{ask_all($w, $path)->{$path}}), 0, "$name: what was purged was not stored";
    }
};

subtest 'what is refused' => sub {
    for my $case (['{}', 400, qr/Say what is to be purged/],
        ['{"key": "a", "tag": "b"}', 400, qr/Name one/],
        ['{"key": 1}', 400, qr/texts/],
        ['{"all": false}', 400, qr/"all" is true/],
        ['{"all": true, "soft": "yes"}', 400, qr/"soft" is true or false/],
        ['{"all": true, "more": 1}', 400, qr/members beside/],
        ['{"key": ""}', 400, qr/empty/],
        ['{"prefix": "' . 'x' x 1001 . '"}', 400, qr/1000 bytes/],
        ['{"key": "' . 'x' x 8193 . '"}', 400, qr/8 KB/],
        ['{"key"', 400, qr/The body/],
        ['x' x 20000, 413, qr/16 KiB/]) {
        my ($status, $answer) = call($w, 'POST', 'cache/c/purge', $case->[0]);
        is $status, $case->[1], 'status of ' . substr $case->[0], 0, 40;
        like $answer->{error}, $case->[2], 'says why';
    }
    is((call($w, 'POST', 'cache/d/purge', {all => JSON::PP::true}))[0], 404, 'no such cache');
    is((call($w, 'GET', 'cache/c/purge'))[0], 405, 'GET purges nothing');
    is((call($w, 'POST', 'cache/c/purge', '{"all":true}', type => 'text/plain'))[0], 415, 'nor does a form');
    is((call($w, 'GET', 'cache/why'))[0], 400, 'why what');
    is((call($w, 'GET', 'cache/why?url=http%3A%2F%2F%2F'))[0], 400, 'no host');
    is((call($w, 'GET', 'cache/why?uri=/'))[0], 400, 'no such argument');
    is((call($w, 'POST', 'cache/o%2Fther/purge', {all => JSON::PP::true}))[0], 200, 'a name with a slash');
};

subtest 'ctl' => sub {
    get($w, '/ctl/1');
    my $key = key($w, '/ctl/1');
    my $r = ctl($w, 'cache', 'why', url($w, '/ctl/1'));
    is $r->{exit}, 0, 'why';
    like $r->{out}, qr/\Aanswer +fresh\n +It is stored.*\nkey +\Q$key\E\n/s, 'says so';
    $r = ctl($w, 'cache', 'purge', 'c', '--key', $key);
    is $r->{exit}, 0, 'purge';
    like $r->{out}, qr/\Acache "c": purged the key/, 'says what';
    is why($w, '/ctl/1')->{answer}, 'purged', 'and did it';
    for my $args (['--prefix', 'x', '--soft'], ['--tag', 'x'], ['--all']) {
        is ctl($w, 'cache', 'purge', 'c', @$args)->{exit}, 0, "purge @$args";
    }
    get($w, '/vary/2', 'Accept-Language' => 'de');
    like ctl($w, 'cache', 'why', '-H', 'Accept-Language: de', url($w, '/vary/2'))->{out},
        qr/^vary +accept-language\n.*^ +accept-language=de +200/ms, 'variants';
    is ctl($w, 'cache', 'purge', 'c')->{exit}, 2, 'what';
    is ctl($w, 'cache', 'purge', 'c', '--all', '--tag', 'x')->{exit}, 2, 'one of them';
    is ctl($w, 'cache', 'purge', 'd', '--all')->{exit}, 1, 'no such cache';
    is ctl($w, 'cache', 'drop')->{exit}, 2, 'no such command';
    $r = ctl($w, 'caches');
    like $r->{out}, qr/^CACHE .*^c +\S+ +200 +\d+ +\d+ /ms, 'the list';
    my $list = $json->decode(ctl($w, '--json', 'caches')->{out})->{caches};
    is_deeply [map { $_->{name} } @$list], ['c', 'o/ther'], 'as JSON';
    my ($status, $all) = call($w, 'GET', 'status');
    is_deeply [map { $_->{name} } @{$all->{caches}}], ['c', 'o/ther'], 'in the status';
    ok $all->{caches}[0]{requests} > 1000, 'with numbers';
};

subtest 'metrics add up' => sub {
    my $before = metrics($w);
    my @results = qw(hit bypass method uri-miss vary-miss miss request stale partial hit-stale revalidated only-if-cached);
    my $sum = sub { my $n = 0; $n += $_[0]{"weir_cache_requests_total$_"} for @results; return $n };
    get($w, '/m/1') for 1 .. 10;
    get($w, '/m/private') for 1 .. 2;
    get($w, '/m/private/1');
    get($w, '/part/m', 'X-Fresh' => '1');
    get($w, '/vary/m', 'Accept-Language' => $_) for qw(de en de);
    ask($w, 'POST', '/m/1', 'Content-Length' => 0);
    get($w, '/m/2', 'Cache-Control' => 'only-if-cached');
    get($w, '/m/same/1');
    get($w, '/m/same/1', 'Cache-Control' => 'no-cache');
    my $after = metrics($w);
    my $more = sub { return $after->{"weir_cache_$_[0]"} - $before->{"weir_cache_$_[0]"} };
    is $sum->($after) - $sum->($before), 10 + 2 + 1 + 1 + 3 + 1 + 1 + 2, 'each request once';
    is $more->('requests_totalhit'), 9 + 1 + 1, 'hits';
    is $more->('requests_totalbypass'), 1, 'bypassed';
    is $more->('requests_totalmethod'), 1, 'of another method';
    is $more->('requests_totalonly-if-cached'), 1, 'nothing there for who wants no more';
    is $more->('requests_totalvary-miss'), 1, 'another variant';
    is $more->('requests_totalrevalidated') + $more->('requests_totalrequest'), 1, 'validated';
    is $more->('purges_total'), 0, 'no purge';
    is $after->{weir_cache_size_bytes}, 200 << 20, 'the limit';
    cmp_ok $after->{weir_cache_objects}, '>', 0, 'objects';
    cmp_ok $after->{weir_cache_bytes}, '>=', 4096 * $after->{weir_cache_objects}, 'each of which takes a page';
    cmp_ok $after->{weir_cache_stored_total}, '>', 1000, 'stored';
    cmp_ok $after->{weir_cache_hot_hits_total}, '>', 0, 'hits in memory';
};

subtest 'purges outlive the processes' => sub {
    my @paths = ('/keep/1', '/keep/2', '/tag/gone/1', '/lost/1', '/again/1');
    my $first = ask_all($w, @paths);
    is purge($w, key => key($w, '/keep/2')), 'purged', 'a key';
    is purge($w, tag => 'gone'), 'purged', 'a tag';
    is purge($w, prefix => key($w, '/lost')), 'purged', 'a prefix';
    $w->allow(qr/the master is gone; serving on/);
    $w->kill;
    start_up($w);
    my $then = ask_all($w, @paths);
    is one($then, '/keep/1'), one($first, '/keep/1'), 'killed: what was not purged is there';
    isnt one($then, $_), one($first, $_), "killed: $_ is gone" for '/keep/2', '/tag/gone/1', '/lost/1';
    is purge($w, key => key($w, '/again/1')), 'purged', 'another key';
    $w->stop_ok;
    start_up($w);
    my $last = ask_all($w, @paths);
    isnt one($last, '/again/1'), one($first, '/again/1'), 'stopped: it is gone';
    is one($last, $_), one($then, $_), "stopped: $_ is there" for '/keep/1', '/keep/2', '/lost/1';
    is purge($w, key => key($w, '/keep/1')), 'purged', 'before a reload';
    $w->signal('HUP');
    ok $w->wait_log(qr/Generation 2 serves/), 'reloaded';
    isnt one(ask_all($w, '/keep/1'), '/keep/1'), one($last, '/keep/1'), 'and gone after it';
};

subtest 'a full list of prefixes' => sub {
    my %answers;
    my $error;
    for my $i (1 .. 300) {
        my ($status, $answer) = call($w, 'POST', 'cache/c/purge', {prefix => "none-$i-"});
        $answers{$status}++;
        $error //= $answer->{error};
        last if $status != 200;
    }
    SKIP: {
        skip('a walk has freed entries meanwhile', 2) if !$answers{409};
        like $error, qr/\AThe list of prefixes is full: .*Try later/, 'says so';
        is purge($w, tag => 'x'), 'purged', 'a tag can be purged all the same';
    }
    like purge($w, all => 1), $answers{409} ? qr/\A409 / : qr/\Apurged\z/, 'all needs a place too';
};

$w->stop_ok;
done_testing;
