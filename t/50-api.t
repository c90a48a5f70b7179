#!/usr/bin/env perl

# The runtime API on an admin listener and on the control socket, metrics, the dashboard, `status = true`.

use strict;
use warnings;
use FindBin;
use IO::Socket::UNIX;
use JSON::PP;
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Client;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 120;

my $w = Weir->new(ports => [qw(http admin up down)], conf => <<'CONF');
workers = 2;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
defaults = { access_log = { path = "{{dir}}/access.log"; format = "$status $uri"; buffer = 0; }; };
listeners = (
    "127.0.0.1:{{http}}",
    { address = "127.0.0.1:{{admin}}"; admin = true; }
);
upstreams = (
    { name = "app"; servers = (
        { address = "127.0.0.1:{{up}}"; name = "one"; },
        { address = "127.0.0.1:{{down}}"; down = true; },
        { address = "127.0.0.1:{{down}}"; name = "drained"; weight = 0; }
    ); }
);
caches = ( { name = "pages"; path = "memory"; size = "1m"; } );
sites = (
    { routes = (
        { prefix = "/weir/"; status = true; },
        { prefix = "/cached/"; proxy = "app"; cache = "pages"; },
        { prefix = "/"; proxy = "app"; }
    ); }
);
CONF
my $up = $w->upstream('up', 'echo');
$w->start;

sub json { return JSON::PP->new->utf8->decode($_[0]{body}) }

sub admin {
    my ($path, %o) = @_;
    return $w->get('admin', $path, %o, headers => [Host => 'localhost', @{$o{headers} // []}]);
}
sub post { return admin($_[0], method => 'POST', headers => $_[1] // []) }

# ---- counts
for my $path (qw(/a /b /c)) {
    is($w->get('http', $path)->{status}, 200, "GET $path");
}
my $s;
ok(Weir::wait_for(sub { $s = json(admin('/api/v1/status')); ($s->{responses}{'2xx'} // 0) >= 3 }), 'requests are counted');
is($s->{pid}, $w->pid, 'pid of the master');
like($s->{version}, qr/^\d+\.\d+/, 'version');
ok(abs($s->{started} - time) < 60, 'start');
is(scalar @{$s->{workers}}, 2, 'two workers');
my %kids = map { $_ => 1 } $w->children;
ok($kids{$_->{pid}}, "worker $_->{pid} is one of the processes") for @{$s->{workers}};
is_deeply([map { $_->{name} } @{$s->{caches}}], ['pages'], 'caches');
is(scalar(grep { $_->{address} =~ /:@{[$w->port('admin')]}$/ && $_->{admin} } @{$s->{listeners}}), 1, 'listeners');

my ($app) = grep { $_->{name} eq 'app' } @{json(admin('/api/v1/upstreams'))->{upstreams}};
is($app->{balance}, 'round_robin', 'balance');
is_deeply([map { [@$_{qw(name state weight)}] } @{$app->{servers}}],
    [['one', 'up', 1], ['127.0.0.1:' . $w->port('down'), 'down', 1], ['drained', 'drain', 0]], 'servers');
is($app->{servers}[0]{requests}, 3, 'requests of the server');
is($app->{servers}[0]{active}, 0, 'none is active');
ok($app->{servers}[0]{latency_ms}{p99} >= $app->{servers}[0]{latency_ms}{p50}, 'latency');
is(json(admin('/api/v1/upstreams/app'))->{name}, 'app', 'one upstream');
is(admin('/api/v1/upstreams/none')->{status}, 404, 'an unknown one');

# ---- metrics: names, and each line in its form
my $m = admin('/metrics');
is(Weir::Client::header($m, 'Content-Type'), 'text/plain; version=0.0.4; charset=utf-8', 'type of metrics');
like($m->{body}, qr/^weir_upstream_requests_total\{upstream="app",server="one"\} 3$/m, 'requests by server');
like($m->{body}, qr/^weir_upstream_server_up\{upstream="app",server="drained"\} 0$/m, 'state by server');
like($m->{body}, qr/^weir_workers\{state="serving"\} 2$/m, 'workers');
my (%type, %seen, @bad);
for my $line (split /\n/, $m->{body}) {
    if ($line =~ /^# TYPE (weir_\w+) (counter|gauge|histogram)$/) {
        push @bad, $line if $type{$1}++;
    } elsif ($line =~ /^(weir_\w+?)(?:_bucket|_sum|_count)?(\{(?:\w+="(?:[^"\\]|\\.)*",?)+\})? (\S+)$/) {
        my ($family, $labels, $value) = ($1, $2 // '', $3);
        my ($name) = $line =~ /^(\w+)/;
        push @bad, $line
            if !$type{$family} && !$type{$name} || $seen{$name . $labels}++ || $value !~ /^\d+(\.\d+)?$/;
    } elsif ($line !~ /^# HELP weir_\w+ \S/) {
        push @bad, $line;
    }
}
is_deeply(\@bad, [], 'every line of the metrics is well formed');

# ---- the dashboard
my $page = admin('/');
is($page->{status}, 200, 'dashboard');
like(Weir::Client::header($page, 'Content-Security-Policy'), qr/^default-src 'none'; script-src 'nonce-/, 'its policy');
unlike($page->{body}, qr{(?:src|href)="(?!data:)}, 'no outside resources');
is(length(admin('/', method => 'HEAD')->{body}), 0, 'HEAD has no body');

# ---- read-only below a route
is(json($w->get('http', '/weir/api/v1/status'))->{pid}, $w->pid, 'status = true: status');
like($w->get('http', '/weir/metrics')->{body}, qr/^weir_requests_total\{protocol="http1"\} \d+$/m, 'status = true: metrics');
like($w->get('http', '/weir/')->{body}, qr/<title>Weir/, 'status = true: dashboard');
is($w->get('http', '/weir/api/v1/reload', method => 'POST')->{status}, 404, 'status = true: no commands');

# ---- who may ask for what
is($w->get('admin', '/api/v1/status', headers => [Host => 'evil.test'])->{status}, 403, 'another Host on loopback');
is(admin('/api/v1/reload')->{status}, 405, 'GET of a command');
{
    my $r = admin('/api/v1/nothing');
    is("$r->{status} $r->{reason}", '404 Not Found', 'an unknown page');
    is(Weir::Client::header($r, 'Proxy-Status'), 'weir; error=http_request_error', 'with the cause');
    ok(Weir::Client::header($r, 'X-Request-Id'), 'and the id');
}
is(post('/api/v1/status')->{status}, 405, 'POST to a page');
is(post('/api/v1/reload', [Origin => 'http://evil.test'])->{status}, 403, 'Origin');
is(post('/api/v1/reload', ['Sec-Fetch-Site' => 'cross-site'])->{status}, 403, 'Sec-Fetch-Site');
is(json(admin('/api/v1/status'))->{generation}, $s->{generation}, 'nothing was reloaded');

# ---- the control socket
my $sock = IO::Socket::UNIX->new(Peer => $w->dir . '/control.sock');
ok($sock, 'control socket');
my $c = Weir::Client->new(sock => $sock);
$c->send("GET /api/v1/status HTTP/1.1\r\nHost: weir\r\n\r\n");
is(json($c->read_response)->{pid}, $w->pid, 'status on the control socket');

# ---- the access log of the sites is of their visitors
$sock = IO::Socket::UNIX->new(Peer => $w->dir . '/control.sock');
$c = Weir::Client->new(sock => $sock);
$c->send("GET\r\n\r\n");
is($c->read_response->{status}, 400, 'what is no request on the control socket');
like($w->read('access.log'), qr{^200 /a\n200 /b\n200 /c\n200 /weir/api/v1/status\n}, 'visitors have their lines');
unlike($w->read('access.log'), qr{ /api/| /metrics| /$|^400}m, 'calls of the API have none');

# ---- reload: counters go on, servers that are gone are not shown
my $r = post('/api/v1/reload');
is($r->{status}, 200, 'reload');
is(json($r)->{ok}, JSON::PP::true, 'and says so');
ok(Weir::wait_for(sub { $s = eval { json(admin('/api/v1/status')) }; $s && $s->{generation} == 2 }), 'generation 2');
is($s->{upstreams}[0]{servers}[0]{requests}, 3, 'requests of the server go on');
my $text = $w->read('weir.conf');
$w->conf($text =~ s/name = "one"/name = "two"/r);
is(post('/api/v1/reload')->{status}, 200, 'reload with another name');
ok(Weir::wait_for(sub { $s = eval { json(admin('/api/v1/status')) }; $s && $s->{generation} == 3 }), 'generation 3');
is($s->{upstreams}[0]{servers}[0]{name}, 'two', 'the new name');
is($s->{upstreams}[0]{servers}[0]{requests}, 0, 'with counters of its own');
$w->conf($text =~ s/workers = 2/workerz = 2/r);
$r = post('/api/v1/reload');
is($r->{status}, 409, 'a configuration with errors');
is(json($r)->{ok}, JSON::PP::false, 'is refused');
like(json($r)->{text}, qr/workerz/, 'and the error told');
$w->conf($text);

# ---- reopen
rename $w->dir . '/error.log', $w->dir . '/error.log.1';
is(post('/api/v1/reopen')->{status}, 200, 'reopen');
ok(Weir::wait_for(sub { -e $w->dir . '/error.log' }), 'the log is there again');

# ---- a worker that was killed
my ($dead) = map { $_->{pid} } grep { !$_->{draining} } @{$s->{workers}};
my $before = json(admin('/api/v1/status'));
CORE::kill KILL => $dead;
$w->allow(qr/was ended by signal 9|another one is started/);
ok(Weir::wait_for(sub { $s = eval { json(admin('/api/v1/status')) };
    $s && $s->{restarts} == 1 && 2 == grep { $_->{pid} && $_->{pid} != $dead && !$_->{draining} } @{$s->{workers}} }),
    'a killed worker is replaced and counted');
ok($s->{requests} >= $before->{requests}, 'sums stay monotonic');

$r = post('/api/v1/quit');
is($r->{status}, 200, 'quit');
ok(Weir::wait_for(sub { $w->_ended }), 'and it ends');
is_deeply([$w->unexpected], [], 'nothing wrong in the log');
$up->stop;
done_testing;
