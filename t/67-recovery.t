#!/usr/bin/env perl

# One server of three fails in every way there is, and no client sees it: requests that may be sent twice go
# elsewhere, with their bodies; those that may not are sent once. Ejection, the circuit breaker, the log.

use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use FindBin qw($Bin);
use JSON::PP qw(decode_json);
use lib "$Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;
use Weir::Client qw(header request_bytes);

local $SIG{ALRM} = sub { die "recovery takes too long\n" };
alarm 300;

my $w = Weir->new(ports => [qw(http admin bad one two out also lone)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
control = "unix:{{dir}}/control.sock";
state_dir = "{{dir}}/state";
listeners = ( "127.0.0.1:{{http}}", { address = "127.0.0.1:{{admin}}"; admin = true; } );
defaults = {
  access_log = { path = "{{dir}}/access.log"; format = "json"; buffer = 0;
                 fields = [ "path", "status", "upstream_addr", "upstream_status", "upstream_duration" ]; };
  request_body = { max_size = "8m"; memory = "64k"; };
  keepalive = { idle = 4; };
};
upstreams = (
  { name = "three"; servers = ( "127.0.0.1:{{bad}}", "127.0.0.1:{{one}}", "127.0.0.1:{{two}}" ); },
  { name = "pair"; servers = ( "127.0.0.1:{{bad}}", "127.0.0.1:{{one}}" ); },
  { name = "both"; servers = ( "127.0.0.1:{{bad}}", "127.0.0.1:{{also}}" ); },
  { name = "lone"; servers = ( "127.0.0.1:{{lone}}" ); },
  { name = "watched"; passive = { errors = 3; pause = "2s"; };
    servers = ( { address = "127.0.0.1:{{bad}}"; name = "bad"; }, "127.0.0.1:{{one}}", "127.0.0.1:{{two}}" ); },
  { name = "panic"; passive = { errors = 2; pause = "60s"; max_ejected = 100; };
    servers = ( { address = "127.0.0.1:{{bad}}"; name = "bad"; }, { address = "127.0.0.1:{{also}}"; name = "also"; },
                { address = "127.0.0.1:{{one}}"; name = "one"; } ); },
  { name = "single"; passive = { errors = 1; }; servers = ( { address = "127.0.0.1:{{bad}}"; name = "bad"; } ); },
  { name = "breaker"; circuit_breaker = { max_requests = 2; }; servers = ( "127.0.0.1:{{lone}}" ); },
  { name = "slow"; circuit_breaker = { latency = "50ms"; }; servers = ( "127.0.0.1:{{lone}}" ); },
  { name = "calm"; circuit_breaker = { max_retries = 2; }; servers = ( "127.0.0.1:{{bad}}", "127.0.0.1:{{also}}" ); }
);
sites = ( { name = "all";
  retry = { on = [ "connect", "timeout", "reset", "502", "503", "504" ]; per_try = "3s"; budget = 100; };
  routes = (
    { prefix = "/"; proxy = "three"; },
    { prefix = "/none"; proxy = "three"; retry = { tries = 1; }; },
    { prefix = "/never"; proxy = "three"; retry = { replay = "never"; }; },
    { prefix = "/key"; proxy = "three"; retry = { replay = "key"; }; },
    { prefix = "/always"; proxy = "three"; retry = { replay = "always"; }; },
    { prefix = "/stream"; proxy = "pair"; request_body = { buffer = "stream"; }; },
    { prefix = "/pair"; proxy = "pair"; },
    { prefix = "/budget"; proxy = "both"; retry = { tries = 2; budget = 0; per_try = "700ms"; }; },
    { prefix = "/total"; proxy = "both"; retry = { tries = 9; per_try = "200ms"; }; timeouts = { total = "350ms"; }; },
    { prefix = "/both"; proxy = "both"; retry = { per_try = "1s"; }; },
    { prefix = "/default"; proxy = "both"; retry = { on = [ "connect", "timeout", "reset" ]; }; },
    { prefix = "/read"; proxy = "pair"; retry = { per_try = 0; }; timeouts = { read = "300ms"; }; },
    { prefix = "/lone"; proxy = "lone"; },
    { prefix = "/watched"; proxy = "watched"; retry = { tries = 1; }; },
    { prefix = "/panic"; proxy = "panic"; retry = { tries = 1; }; },
    { prefix = "/single"; proxy = "single"; retry = { tries = 1; per_try = "300ms"; }; },
    { prefix = "/breaker"; proxy = "breaker"; retry = { per_try = 0; }; },
    { prefix = "/slow"; proxy = "slow"; retry = { tries = 1; per_try = 0; }; },
    { prefix = "/calm"; proxy = "calm"; retry = { tries = 2; per_try = "700ms"; }; }
  ); } );
CONF
mkdir $w->dir . '/state';
chmod 0777, $w->dir . '/state';

# ---- servers

# Says who it is and what it got.
sub good {
    my ($name, $wait) = @_;
    return sub {
        my ($conn, $req) = @_;
        sleep $wait if $wait;
        my $text = join ' ', $name, $req->{method}, sha1_hex($req->{body} // ''), length($req->{body} // '');
        $conn->send("HTTP/1.1 200 OK\r\nContent-Length: " . length($text) . "\r\n\r\n$text");
        return 1;
    };
}

my %server;

sub server {
    my ($name, $script) = @_;
    $server{$name}->stop if $server{$name};
    return $server{$name} = $w->upstream($name, $script, brief => 1);
}

server('one', good('one'));
server('two', good('two'));
$w->start;
$w->allow(qr/another server is tried|the same server is tried|-> 50\d|ejected|circuit breaker/);

# ---- clients

# All requests at once, each on a connection of its own: [method, path, fields, body] to answers.
sub together {
    my (@requests) = @_;
    my @clients = map { $w->client('http') } @requests;
    $clients[$_]->send(request_bytes(@{$requests[$_]})) for 0 .. $#requests;
    return map { $clients[$_]->read_response(method => $requests[$_][0]) } 0 .. $#requests;
}

sub ask {
    my ($method, $path, $fields, $body) = @_;
    return (together([$method, $path, $fields, $body]))[0];
}

sub failures { return scalar grep { ($_->{status} // 0) != 200 || $_->{error} } @_ }

my $filler = join '', map { chr(33 + ($_ * 7 + int($_ / 94)) % 94) } 0 .. 9999;
sub text { my ($n, $bytes) = @_; return substr "$n " . $filler x (1 + $bytes / 10000), 0, $bytes }

# How many answers do not tell of the body that was sent.
sub spoilt {
    my ($requests, @answers) = @_;
    my $n = 0;
    for my $i (0 .. $#answers) {
        my ($method, undef, undef, $body) = @{$requests->[$i]};
        my $want = join ' ', $method, sha1_hex($body // ''), length($body // '');
        $n++ if ($answers[$i]{body} // '') !~ /\A\w+ \Q$want\E\z/;
    }
    return $n;
}

sub admin { return $w->get('admin', $_[0], headers => [Host => 'localhost'])->{body} }
sub api { return decode_json(admin("/api/v1/upstreams/$_[0]"))->{servers} }
sub state_of { my ($up, $n) = @_; return (grep { $_->{name} eq $n } @{api($up)})[0]{state} }

sub metric {
    my ($name) = @_;
    my $text = admin('/metrics');
    my $sum = 0;
    $sum += $1 while $text =~ /^\Q$name\E(?:\{[^}]*\})? (\d+)$/mg;
    return $sum;
}

sub logged { my ($pattern) = @_; return scalar grep { /$pattern/ } split /\n/, $w->read('error.log') }

sub wait_logged {
    my ($pattern, $n) = @_;
    Weir::wait_for(sub { logged($pattern) >= $n });
    return logged($pattern);
}

# Requests that "bad" and "also" have got, when there are as many as are to come, or time is up.
sub both_saw {
    my ($pattern, $n) = @_;
    my $seen;
    Weir::wait_for(sub {
        $seen = grep { $_->{target} =~ $pattern } map { $_->seen } @server{qw(bad also)};
        return $seen >= $n;
    });
    return $seen;
}

# ---- one of three fails, under way at once: nobody sees it

my %ways = (
    'hangs'                          => 'hang',
    'resets before it reads'         => {do => 'reset', at => 'accept'},
    'resets after it read'           => 'reset',
    'closes within the head'         => {do => 'partial', cut => 25},
    'sends no HTTP'                  => 'garbage',
    'dribbles its head'              => {do => 'dribble', gap => 0.1},
    'answers 502'                    => {do => 'fixed', status => 502},
    'answers 503'                    => {do => 'fixed', status => 503, body => 'x' x 100_000},
    'answers 504 without a length'   => {do => 'fixed', status => 504, until_close => 1},
    'refuses'                        => 'refuse',
);

for my $way (sort keys %ways) {
    my $bad = server('bad', $ways{$way});
    my $before = metric('weir_upstream_retries_total');
    my @gets = map { ['GET', "/get/$_"] } 1 .. 24;
    my @answers = together(@gets);
    is(failures(@answers) + spoilt(\@gets, @answers), 0, "GET, one $way: no client sees it");
    my @puts = map { ['PUT', "/put/$_", [], text($_, $_ * 9000)] } 1 .. 18;
    @answers = together(@puts);
    is(failures(@answers) + spoilt(\@puts, @answers), 0, "PUT, one $way: bodies go elsewhere whole");
    cmp_ok(metric('weir_upstream_retries_total') - $before, '>=', 12, 'because others were tried');
}
cmp_ok((grep { $_->{name} =~ /:@{[$w->port('one')]}$/ } @{api('three')})[0]{retries}, '>', 0, 'retries of a server in the API');

# Killed with requests in its hands.
{
    my $bad = server('bad', 'hang');
    my @requests = map { [$_ % 2 ? 'PUT' : 'GET', "/kill/$_", [], $_ % 2 ? text($_, 30_000) : undef] } 1 .. 30;
    my @clients = map { $w->client('http') } @requests;
    $clients[$_]->send(request_bytes(@{$requests[$_]})) for 0 .. $#requests;
    $bad->wait_seen(10);
    $bad->stop;
    my @answers = map { $clients[$_]->read_response(method => $requests[$_][0]) } 0 .. $#requests;
    is(failures(@answers) + spoilt(\@requests, @answers), 0, 'killed with requests in its hands: no client sees it');
}

# ---- large bodies, and such as come slowly

{
    my @requests = map { ['PUT', "/pair/large/$_", [], text($_, 5 << 20)] } 1 .. 4;
    for my $way ('reset', {do => 'reset', at => 'accept'}, {do => 'fixed', status => 503}) {
        server('bad', $way);
        my @answers = map { ask(@$_) } @requests;
        is(failures(@answers) + spoilt(\@requests, @answers), 0, '5 MB on the disk go to another server');
    }
    server('bad', {do => 'reset', at => 'accept'});
    for my $n (1 .. 4) {
        my $body = text($n, 300_000);
        my $c = $w->client('http');
        $c->send("PUT /pair/slow/$n HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        for (my $at = 0; $at < length $body; $at += 50_000) {
            $c->send(sprintf "%x\r\n%s\r\n", 50_000, substr $body, $at, 50_000);
            sleep 0.05;
        }
        $c->send("0\r\n\r\n");
        is(spoilt([['PUT', '', [], $body]], $c->read_response), 0, 'a chunked body that is still coming, too');
    }
}

# ---- what may not be sent twice

sub times_seen {
    my ($pattern) = @_;
    my %n;
    $n{$_->{target}}++ for grep { $_->{target} =~ $pattern } map { $_->seen } values %server;
    return %n;
}

{
    server('bad', 'reset');
    my @posts = map { ['POST', "/post/$_", [], text($_, 2000)] } 1 .. 24;
    my @answers = together(@posts);
    my %n = times_seen(qr{^/post/});
    is(scalar(grep { $_ != 1 } values %n), 0, 'POST is sent once');
    is(failures(@answers), 8, 'and those of the server that fails are lost');
    is(scalar(grep { $_->{status} == 502 } @answers), 8, 'with 502');
    is(failures(together(map { ['PUT', "/never/$_", [], 'x'] } 1 .. 9)), 3, 'replay = "never": PUT, too');
    my @key = ('Idempotency-Key' => 'k1');
    is(failures(together(map { ['POST', "/key/$_", [@key], text($_, 5000)] } 1 .. 12)), 0, 'Idempotency-Key lets it be sent again');
    is(failures(together(map { ['POST', "/key/$_"] } 1 .. 12)), 4, 'where it is');
    is(failures(together(map { ['POST', "/other/$_", [@key], 'x'] } 1 .. 12)), 4, 'and where replay is "key"');
    my @always = map { ['POST', "/always/$_", [], text($_, 70_000)] } 1 .. 12;
    @answers = together(@always);
    is(failures(@answers) + spoilt(\@always, @answers), 0, 'replay = "always"');
    is(failures(together(map { ['PUT', "/stream/$_", [], 'x'] } 1 .. 8)), 4, 'a body that is not kept is sent once');
    is(failures(together(map { ['GET', "/none/$_"] } 1 .. 9)), 3, 'tries = 1');
    server('bad', 'refuse');
    is(failures(together(map { ['POST', "/post/$_", [], text($_, 100_000)] } 1 .. 12)), 0, 'what could not be sent goes elsewhere');
    is(failures(together(map { ['POST', "/stream/$_", [], text($_, 100_000)] } 1 .. 12)), 0, 'not kept as well');
}

# ---- when, how often, how long

{
    server('bad', {do => 'fixed', status => 503, body => 'busy'});
    server('also', {do => 'fixed', status => 503, body => 'busy'});
    my $r = ask('GET', '/both');
    is("$r->{status} $r->{body}", '503 busy', 'when there is no other server, its answer stands');
    my %n = times_seen(qr{^/both$});
    is($n{'/both'}, 2, 'each server was asked once');
    $r = ask('GET', '/default');
    %n = times_seen(qr{^/default$});
    is($n{'/default'}, 1, 'by default a status is an answer as any');

    server('bad', 'hang');
    server('also', 'hang');
    is(ask('GET', '/both/late')->{status}, 504, 'both hang');
    my @answers = together(map { ['GET', "/budget/$_"] } 1 .. 30);
    is(failures(@answers), 30, 'all are late');
    is(both_saw(qr{^/budget/}, 40), 40, 'the budget lets 10 of 30 go elsewhere');
    $r = ask('GET', '/total');
    is($r->{status}, 504, 'timeouts.total');
    like($w->wait_log(qr{/total" -> 504}) // '', qr/timeouts\.total is 350ms/, 'is named');
    server('bad', 'hang');
    is(failures(map { ask('GET', "/read/$_") } 1 .. 2), 0, 'timeouts.read is an attempt\'s end as well');
    like($w->read('error.log'), qr/timeouts\.read is 300ms; another server is tried/, 'and named');
}
{
    server('lone', [{do => 'reset'}, good('lone')]);
    is(ask('GET', '/lone/a')->{status}, 200, 'the only server is asked again when it ended the connection');
    server('lone', {do => 'fixed', status => 503});
    is(ask('GET', '/lone/b')->{status}, 503, 'not when it answered');
    is(scalar $server{lone}->seen, 1, 'once');
    server('lone', sub {    # closes after its answer, without saying so
        my ($conn, $req) = @_;
        good('lone')->($conn, $req);
        return 0;
    });
    my $c = $w->client('http');
    my @statuses;
    for my $n (1 .. 12) {
        my ($method, $body) = $n % 2 ? ('GET') : ('PUT', text($n, 100_000));
        $c->send(request_bytes($method, "/lone/fresh/$n", [], $body));
        push @statuses, $c->read_response(method => $method)->{status};
        $c->send(request_bytes($method, "/lone/stale/$n", [], $body));
        push @statuses, $c->read_response(method => $method)->{status};
    }
    is(join(' ', @statuses), join(' ', (200) x 24), 'kept connections that the server has ended');
}

# ---- the log

{
    server('bad', 'reset');
    server('also', 'reset');
    my $r = ask('GET', '/both/log');
    is($r->{status}, 502, 'both end the connection');
    like(header($r, 'Proxy-Status'), qr/error=connection_terminated; details="3 attempts"/, 'Proxy-Status has the attempts');
    my ($line) = grep { $_->{path} eq '/both/log' } map { decode_json($_) } grep { m{/both/log} } Weir::wait_for(sub {
        my @l = split /\n/, $w->read('access.log');
        return (grep { m{/both/log} } @l) ? \@l : undef;
    })->@*;
    is(scalar @{$line->{upstream_addr}}, 3, 'access log: each attempt');
    is_deeply($line->{upstream_status}, [undef, undef, undef], 'their statuses');
    is(scalar(grep { defined && $_ >= 0 } @{$line->{upstream_duration}}), 3, 'their times');
    my @warn = grep { m{\[warn\].*/both/log"|warn.*/both/log"} } split /\n/, $w->read('error.log');
    is(scalar @warn, 2, 'error log: a warning for each that another followed on');
    like($warn[0], qr/upstream both server 127\.0\.0\.1:\d+: upstream .*; another server is tried \(request \S+\)/, 'with all there is');
    server('bad', {do => 'fixed', status => 503});
    server('also', {do => 'fixed', status => 200});
    ask('GET', "/both/statuses/$_") for 1, 2;
    Weir::wait_for(sub { $w->read('access.log') =~ m{/both/statuses/2} });
    like($w->read('access.log'), qr/"upstream_status":\[503,200\]/, 'statuses of all attempts');
}

# ---- passive health

{
    server('bad', {do => 'fixed', status => 500});
    my ($asked, $since) = (0, 0);
    while ($asked < 60 && state_of('watched', 'bad') eq 'up') {
        $since = time;
        ask('GET', '/watched/' . $asked++);
    }
    my ($bad) = grep { $_->{name} eq 'bad' } @{api('watched')};
    is($bad->{state}, 'ejected', 'three failures in a row eject a server');
    cmp_ok($bad->{failures}, '>=', 3, 'which are counted, though the client had the answers');
    is($bad->{ejected}{reason}, 'status 500', 'the API says why');
    cmp_ok(abs($bad->{ejected}{until} - time), '<=', 3, 'and until when');
    is((grep { $_->{name} ne 'bad' } @{api('watched')})[0]{ejected}, undef, 'of others nothing');
    my @later;
    for (1 .. 24) {
        my $r = ask('GET', "/watched/later/$_");
        last if time - $since > 1.9;    # which is about the pause
        push @later, $r;
    }
    cmp_ok(scalar @later, '>', 0, 'there is time for other requests');
    is(failures(@later), 0, 'from then on nobody meets it');
    is(logged(qr/upstream watched server bad: ejected for 2000 ms: 3 failures in a row, the last: status 500/), 1, 'logged once');
    Weir::wait_for(sub { state_of('watched', 'bad') eq 'up' });
    ask('GET', '/watched/again/' . $asked++) for 1 .. 3;
    is(wait_logged(qr/upstream watched server bad: used again/, 1), 1, 'its return is logged once');
    for (1 .. 60) {
        last if state_of('watched', 'bad') ne 'up';
        ask('GET', '/watched/' . $asked++);
    }
    is(wait_logged(qr/upstream watched server bad: ejected for 4000 ms/, 1), 1, 'the second pause is longer');
    server('bad', good('bad'));
    Weir::wait_for(sub { state_of('watched', 'bad') eq 'up' });
    ok(Weir::wait_for(sub { (ask('GET', '/watched/well')->{body} // '') =~ /^bad / }), 'it is used again');
}
for my $way ('refuse', 'hang', 'reset') {
    server('bad', $way);
    server('also', 'refuse');
    my %by = map { ($_ => ask('GET', "/single/$way/$_")->{status}) } 1 .. 4;
    is(state_of('single', 'bad'), 'up', "the only server is never ejected ($way)");
}
{
    ask('GET', "/panic/$_") for 1 .. 24;
    is_deeply([map { state_of('panic', $_) } qw(bad also one)], [qw(ejected ejected up)], 'two of three ejected');
    like($w->run('ctl', '-c', '{{dir}}/weir.conf', 'upstreams', 'panic')->{out},
        qr/^  bad is ejected until \d{4}-\d\d-\d\dT[\d:]+Z, its last failure: (?:http_response_timeout|connection_\w+)\n  also is ejected until \S+, its last failure: connection_refused$/m,
        'weir ctl upstreams says why and until when');
    server('bad', good('bad'));
    server('also', good('also'));
    my %who;
    $who{(split / /, ask('GET', "/panic/all/$_")->{body})[0]}++ for 1 .. 12;
    is(join(' ', sort keys %who), 'also bad one', 'fewer than half are left: all are used');
}

# Several workers count in one word, and all see what one of them finds.
{
    my $many = Weir->new(ports => [qw(http admin bad one two)], conf => <<'CONF');
workers = 3;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
control = "unix:{{dir}}/control.sock";
listeners = ( "127.0.0.1:{{http}}", { address = "127.0.0.1:{{admin}}"; admin = true; } );
upstreams = ( { name = "u"; passive = { errors = 6; pause = "2s"; };
  servers = ( { address = "127.0.0.1:{{bad}}"; name = "bad"; }, "127.0.0.1:{{one}}", "127.0.0.1:{{two}}" ); } );
sites = ( { routes = ( { proxy = "u"; retry = { tries = 1; }; } ); } );
CONF
    my %up = (bad => $many->upstream('bad', 'reset'), map { $_ => $many->upstream($_, good($_)) } qw(one two));
    $many->start;
    $many->allow(qr/-> 502|ejected/);
    my $state = sub {
        my $text = $many->get('admin', '/api/v1/upstreams/u', headers => [Host => 'localhost'])->{body};
        return (grep { $_->{name} eq 'bad' } @{decode_json($text)->{servers}})[0]{state};
    };
    my $met = 0;
    for (my $n = 0; $n < 90 && $state->() eq 'up'; $n++) {
        $met++ if $many->get('http', '/')->{status} == 502;
    }
    is($state->(), 'ejected', 'three workers eject it together');
    cmp_ok($met, '<=', 6 + 2, 'after six failures in all, not in each');
    is(failures(map { $many->get('http', '/') } 1 .. 30), 0, 'no worker asks it any more');
    is(scalar(grep { /ejected/ } $many->log_lines), 1, 'one of them says so');
    ok(Weir::wait_for(sub { $many->get('http', '/'); scalar grep { /used again/ } $many->log_lines }), 'it comes back');
    $many->get('http', '/') for 1 .. 12;
    is(scalar(grep { /used again/ } $many->log_lines), 1, 'one says so');
    $many->stop_ok;
}

# ---- the circuit breaker

{
    server('lone', sub { my ($conn, $req) = @_; return good('lone', $req->{target} =~ /late/ ? 0.15 : 0)->($conn, $req) if $req->{target} !~ /hang/; $conn->read_all; return 0 });
    my @held = map { my $c = $w->client('http'); $c->send(request_bytes('GET', "/breaker/hang/$_")); $c } 1, 2;
    $server{lone}->wait_seen(2);
    my @refused = map { ask('GET', "/breaker/more/$_") } 1 .. 3;
    is(join(' ', map { $_->{status} } @refused), '503 503 503', 'max_requests: refused');
    ok(header($refused[0], 'Retry-After'), 'with Retry-After');
    is(logged(qr/upstream breaker: circuit breaker opens: circuit_breaker\.max_requests is 2/), 1, 'logged once');
    like($w->read('error.log'), qr/circuit breaker of the upstream is open; circuit_breaker\.max_requests is 2/, 'the setting is named');
    is(metric('weir_circuit_breaker_refused_total'), 3, 'counted');
    is(scalar(grep { $_->{target} =~ /more/ } $server{lone}->seen), 0, 'the server saw nothing of it');
    $_->close for @held;
    ok(Weir::wait_for(sub { ask('GET', '/breaker/then')->{status} == 200 }), 'it lets requests through again');
    my @slow = map { ask('GET', "/slow/late/$_")->{status} } 1 .. 12;
    is(join(' ', @slow), join(' ', (200) x 10, 503, 503), 'latency: closed after ten slow answers');
    ok(Weir::wait_for(sub { ask('GET', '/slow/fast')->{status} == 200 }), 'one goes through to find out');
    is(failures(map { ask('GET', "/slow/fast/$_") } 1 .. 5), 0, 'and was fast');
    server('bad', 'hang');
    server('also', 'hang');
    together(map { ['GET', "/calm/$_"] } 1 .. 8);
    is(both_saw(qr{^/calm}, 10), 10, 'max_retries: two of eight');
}

# ---- what is wrong in a file

for (
    ['passive = { errors = 0; };', qr/'errors' is out of range; write a value from 1/],
    ['passive = { statuses = [ "abc" ]; };', qr/status/],
    ['passive = { error = 3; };', qr/did you mean 'errors'/],
    ['circuit_breaker = { };', qr/limits nothing; write max_requests/],
    ['circuit_breaker = { max_request = 1; };', qr/did you mean 'max_requests'/],
) {
    my ($text, $want) = @$_;
    $w->write('wrong.conf', "listeners = \"127.0.0.1:1\";\nupstreams = ( { name = \"u\"; servers = ( \"127.0.0.1:2\" );\n$text } );\n"
            . "sites = ( { routes = ( { proxy = \"u\"; } ); } );\n");
    my $r = $w->run('-t', '-c', '{{dir}}/wrong.conf');
    isnt($r->{exit}, 0, "refused: $text");
    like($r->{err} . $r->{out}, qr/wrong\.conf:3: .*$want/, 'with the line and what would be right');
}
my $explained = $w->run('explain', '-c', '{{dir}}/weir.conf', "http://127.0.0.1:" . $w->port('http') . '/watched/x');
like($explained->{out}, qr/passive\s+3 failures within 10s: ejected for 2s/, 'explain: passive health');
like($explained->{out}, qr/^passive .*of the servers; failures are 500-599$/m, 'with the statuses that are failures');
like($explained->{out}, qr/retry\s+1 attempt/, 'explain: retry');
$explained = $w->run('explain', '--json', '-c', '{{dir}}/weir.conf', "http://127.0.0.1:" . $w->port('http') . '/watched/x');
is_deeply(decode_json($explained->{out})->{passive}{statuses}, ['500-599'], 'in JSON too');
$w->write('some.conf', "listeners = \"127.0.0.1:1\"; upstreams = ( { name = \"u\"; servers = ( \"127.0.0.1:2\" );\n"
        . "passive = { statuses = [ \"404\", \"502-504\" ]; }; } ); sites = ( { routes = ( { proxy = \"u\"; } ); } );\n");
like($w->run('explain', '-c', '{{dir}}/some.conf', '/')->{out}, qr/^passive .*; failures are 404, 502-504$/m, 'explain: other statuses');
is_deeply(decode_json($w->run('explain', '--json', '-c', '{{dir}}/some.conf', '/')->{out})->{passive}{statuses},
    ['404', '502-504'], 'in JSON too');
$explained = $w->run('explain', '--json', '-c', '{{dir}}/weir.conf', "http://127.0.0.1:" . $w->port('http') . '/key');
is_deeply(decode_json($explained->{out})->{retry}, {tries => 3, on => [qw(connect timeout reset 502 503 504)],
    replay => 'key', per_try_ms => 3000, budget => 100}, 'explain --json: retry');

$w->stop_ok;
done_testing;
