#!/usr/bin/env perl

# The files of conf/examples/: each is checked with weir -t, run, and driven, with
# the servers it names. Only the ports are changed, and what keeps two instances
# apart. Parts that want PHP, Node, curl, wrk or Chromium are skipped where those are not.

use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use lib "$Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(time);
use Weir;
use Weir::Tls;
use Weir::Client qw(request_bytes header headers);
use Weir::Example qw(example drive tls_certificates);
use Weir::Fake;
use Weir::H2;
use Weir::H2Peer;
use Weir::Programs qw(program_in_path start_program spawn_program end_program output_of browse);
use Weir::Upstream;

my $examples = "$Bin/../conf/examples";
local $SIG{ALRM} = sub { die "the examples take too long\n" };
alarm 420;

sub get { my ($w, @rest) = @_; return $w->get('http', @rest) // {status => 0, body => '', headers => []} }

sub post {
    my ($w, $path, $body, @fields) = @_;
    return get($w, $path, method => 'POST', body => $body, headers => \@fields);
}

sub site_program {
    my ($w, $port, $program, @args) = @_;
    my $n = $w->port($port);
    return start_program($n, [$^X, "$Bin/sites/$program", $n, @args]);
}

# ---- WebSocket, as a client (RFC 6455)

sub ws_open {
    my ($w, @fields) = @_;
    my $c = $w->client('http');
    $c->send(request_bytes(GET => '/ws', [Upgrade => 'websocket', Connection => 'Upgrade',
        'Sec-WebSocket-Version' => 13, 'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==', @fields]));
    return ($c, $c->read_response);
}

sub ws_send {
    my ($c, $first, $payload) = @_;
    my ($n, $mask) = (length $payload, "\x11\x22\x33\x44");
    my $size = $n < 126 ? pack 'C', 0x80 | $n : $n < 65536 ? pack 'Cn', 0xfe, $n : pack 'CQ>', 0xff, $n;
    return $c->send(chr($first) . $size . $mask . ($payload ^ substr $mask x ($n / 4 + 1), 0, $n));
}

sub ws_read {
    my ($c) = @_;
    my ($first, $size) = unpack 'CC', $c->read_bytes(2);
    return if !defined $size;
    $size = unpack 'n',  $c->read_bytes(2) if $size == 126;
    $size = unpack 'Q>', $c->read_bytes(8) if $size == 127;
    return ($first, $c->read_bytes($size));
}

# The conversation that every echo must hold.
sub ws_checks {
    my ($label, $w, @fields) = @_;
    my ($c, $r) = ws_open($w, @fields);
    is($r->{status}, 101, "$label: switches") or return;
    is(header($r, 'sec-websocket-accept'), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', "$label: accepts the key");
    for my $n (5, 300, 200_000) {
        my $text = join '', map { chr(97 + $_ % 26) } 1 .. $n;
        ws_send($c, 0x81, $text);
        my ($first, $back) = ws_read($c);
        ok(($first // 0) == 0x81 && $back eq $text, "$label: a text of $n bytes comes back");
    }
    ws_send($c, 0x89, 'now');
    is_deeply([ws_read($c)], [0x8a, 'now'], "$label: ping, pong");
    ws_send($c, 0x88, pack 'n', 1000);
    is_deeply([ws_read($c)], [0x88, pack 'n', 1000], "$label: close is answered");
    ok($c->is_closed, "$label: and the connection ends");
    return;
}

# ---- static-site.conf
{
    my $w = example('static-site.conf');
    drive('static', $w, sub {
        my $r = get($w, '/');
        is($r->{status}, 200, 'static: the index');
        like($r->{body}, qr{<title>An example</title>}, 'static: its text');
        like(header($r, 'content-type') // '', qr{\Atext/html}, 'static: its type');
        is(header($r, 'x-content-type-options'), 'nosniff', 'static: a header for every answer');
        is(get($w, '/about/')->{status}, 200, 'static: the index of a directory');
        like(get($w, '/contact')->{body}, qr{<h1>Contact}, 'static: .html is found');
        like(get($w, '/files/')->{body}, qr{one\.txt.*two\.txt}s, 'static: the listing');
        is(get($w, '/files/one.txt')->{body}, "One file.\n", 'static: a file of it');
        like(header(get($w, '/assets/style.css'), 'cache-control') // '', qr{max-age=2592000},
            'static: assets stay for a month');
        $r = get($w, '/old-about.html');
        is($r->{status}, 301, 'static: a page that moved');
        like(header($r, 'location') // '', qr{/about/\z}, 'static: to where');
        $r = get($w, '/guestbook.html');
        is("$r->{status} $r->{body}", "410 The guestbook was closed in 2019.\n",
            'static: a page that is gone');
        is(get($w, '/nothing')->{status}, 404, 'static: no such file');
        $r = get($w, '/about/../../../etc/passwd');
        like($r->{status}, qr/\A40[04]\z/, 'static: nothing above the root');
        my $etag = header(get($w, '/files/one.txt'), 'etag') // '';
        is(get($w, '/files/one.txt', headers => ['If-None-Match' => $etag])->{status}, 304,
            'static: not modified');
        $r = get($w, '/files/one.txt', headers => [Range => 'bytes=4-7']);
        is("$r->{status} $r->{body}", '206 file', 'static: a range');
        is(get($w, '/', method => 'HEAD')->{body}, '', 'static: HEAD');
    });
}

# ---- reverse-proxy.conf
{
    my $w    = example('reverse-proxy.conf');
    my $data = tempdir(CLEANUP => 1);
    my $app  = site_program($w, 's9001', 'api.pl', $data);
    drive('proxy', $w, sub {
        my $host = '127.0.0.1:' . $w->port('http');
        my $r = get($w, '/shop/echo?a=1', headers => [Host => $host, 'X-Internal-User' => 'root']);
        is($r->{status}, 200, 'proxy: answered');
        my $seen = decode_json($r->{body});
        is($seen->{url}, '/echo?a=1', 'proxy: the prefix is gone');
        is($seen->{headers}{host}, $host, 'proxy: Host as it came');
        is($seen->{headers}{'x-forwarded-for'}, '127.0.0.1', 'proxy: X-Forwarded-For');
        is($seen->{headers}{'x-forwarded-proto'}, 'http', 'proxy: X-Forwarded-Proto');
        is($seen->{headers}{'x-internal-user'}, undef, 'proxy: a header of the client removed');
        ok($seen->{headers}{'x-request-start'}, 'proxy: a header set');
        is(header($r, 'x-frame-options'), 'SAMEORIGIN', 'proxy: a response header set');
        $r = get($w, '/shop/items', method => 'POST', body => '{"name":"rake"}', headers => [Host => $host]);
        is($r->{status}, 201, 'proxy: created');
        is(header($r, 'location'), "http://$host/shop/items/3", 'proxy: Location with its prefix again');
        $r = get($w, '/shop');
        is($r->{status}, 301, 'proxy: the bare prefix');
        like(header($r, 'location') // '', qr{/shop/\z}, 'proxy: to where');
        is(post($w, '/echo', 'x' x 2_000_000)->{status}, 413, 'proxy: too large');
        is(post($w, '/upload/x', 'x' x 2_000_000)->{status}, 404, 'proxy: large where it may be');
        my $line = Weir::wait_for(sub { $w->read('stdout') =~ m{"GET /shop/echo\?a=1 HTTP/1\.1" 200 } });
        ok($line, 'proxy: a line of access log') or diag($w->read('stdout'));
    });
    end_program($app);
}

# ---- load-balancer.conf
{
    my $w  = example('load-balancer.conf', workers => 1);
    my %up = map { $_ => $w->upstream("s900$_", {do => 'fixed', body => "server $_"}) } 1 .. 3;
    drive('balancer', $w, sub {
        my %count;
        $count{get($w, '/')->{body}}++ for 1 .. 40;
        is_deeply(\%count, {'server 1' => 30, 'server 2' => 10}, 'balancer: three to one, no backup');
        is(header(get($w, '/'), 'x-served-by') =~ /:\d+\z/, 1, 'balancer: says who served');
        $up{1}->stop;
        %count = ();
        $count{get($w, '/')->{body}}++ for 1 .. 8;
        is_deeply(\%count, {'server 2' => 8}, 'balancer: the other one when one is gone');
        $up{2}->stop;
        %count = ();
        $count{get($w, '/')->{body}}++ for 1 .. 4;
        is_deeply(\%count, {'server 3' => 4}, 'balancer: the backup when both are gone');
        $w->allow(qr/server|upstream|connect|refused/i);
    });
}

# ---- ha-pair.conf (the pair itself is t/80-keepalived.t)
{
    my $w     = example('ha-pair.conf');
    my @up    = map { $w->upstream($_, {do => 'fixed', body => 'shop'}) } qw(s9001 s9002);
    my $check = "$Bin/../contrib/keepalived/weir-check";
    my $port  = $w->port('http');
    my $well  = sub { return 0 == system "$check 127.0.0.1 $port 2>/dev/null" };
    my $bash  = program_in_path('bash') && program_in_path('timeout');
    drive('pair', $w, sub {
        my $r = get($w, '/health', headers => [Host => 'weir-health']);
        is("$r->{status} $r->{body}", "200 well\n", 'pair: says that it is well');
        is(get($w, '/health')->{body}, 'shop', 'pair: by a name of its own');
        is(get($w, '/', headers => [Host => 'weir-health'])->{status}, 404, 'pair: which has nothing else');
        $_->stop for @up;
        is(get($w, '/')->{status}, 502, 'pair: the servers are gone');
        ok($well->(), 'pair: Weir is well all the same') if $bash;
        $w->allow(qr/server|upstream|connect|refused/i);
    });
    ok(!$well->(), 'pair: and when it has stopped, not') if $bash;
}

# ---- discovery.conf
{
    my $w  = example('discovery.conf', workers => 1, files => ['discovery.servers']);
    my %up = map { $_ => $w->upstream("s900$_", {do => 'fixed', body => "server $_"}) } 1 .. 3;
    drive('discovery', $w, sub {
        is(get($w, '/')->{body}, 'server 1', 'discovery: the address of a name');
        my %count;
        $count{get($w, '/jobs/')->{body}}++ for 1 .. 12;
        is_deeply(\%count, {'server 1' => 4, 'server 2' => 8}, 'discovery: the servers of the file, by weight');
        $w->write('discovery.servers', "127.0.0.1:" . $w->port('s9003') . "\n");
        ok(Weir::wait_for(sub { get($w, '/jobs/')->{body} eq 'server 3' && get($w, '/jobs/')->{body} eq 'server 3' }),
            'discovery: the file is followed');
        is(get($w, '/')->{body}, 'server 1', 'discovery: the name stays');
    });
}

# ---- backend-tls.conf
SKIP: {
    my $openssl = program_in_path('openssl') or skip 'no openssl', 7;
    my $made = 0;
    my $w = example('backend-tls.conf', workers => 1, before => sub {
        my ($weir, $text) = @_;
        my @commands = grep { !/s_server/ } $text =~ /^#   (openssl .*)/mg;
        $made = grep { 0 == system "cd @{[$weir->dir]} && $_ >/dev/null 2>&1" } @commands;
    });
    is($made, 5, 'backend-tls: the commands of the example make its files');
    my $dir = $w->dir;
    start_program($w->port("s900$_"), [$openssl, 's_server', '-accept', '127.0.0.1:' . $w->port("s900$_"), '-cert', "$dir/app.pem", '-key',
        "$dir/app.key", '-CAfile', "$dir/backend-ca.pem", '-Verify', 1, '-www', '-quiet']) for 1, 2;
    drive('backend-tls', $w, sub {
        my @r = map { get($w, '/') } 1 .. 6;
        is(join(' ', map { $_->{status} } @r), '200 200 200 200 200 200', 'backend-tls: servers that want a certificate answer');
        is((grep { $_->{complete} && $_->{body} =~ m{</HTML>}i } @r), 6, 'backend-tls: all of it');
        like($r[0]->{body}, qr{CN\s*=\s*weir}, 'backend-tls: they have seen that of Weir');
        is(get($w, '/old/')->{status}, 502, 'backend-tls: a server that is none');
        $w->allow(qr/TLS|upstream/);
    });
}

# ---- recovery.conf
{
    my $w  = example('recovery.conf', workers => 1);
    my %up = (map({ $_ => $w->upstream("s900$_", {do => 'fixed', body => "server $_"}) } 1, 2),
        3 => $w->upstream('s9003', 'reset'));
    drive('recovery', $w, sub {
        # First, as the server that fails is ejected soon.
        ok((grep { post($w, '/', 'x')->{status} == 502 } 1 .. 6), 'recovery: not what has none');
        my @put = map { get($w, '/', method => 'PUT', body => 'x' x 200_000)->{status} } 1 .. 6;
        is("@put", '200 200 200 200 200 200', 'recovery: uploads go to another server');
        my @post = map { post($w, '/', 'x', 'Idempotency-Key' => $_)->{status} } 1 .. 6;
        is("@post", '200 200 200 200 200 200', 'recovery: and what has a key');
        is(Weir::wait_for(sub { $w->read('error.log') =~ /ejected for 10000 ms/ || do { get($w, '/'); 0 } }), 1, 'recovery: it is ejected');
        is((grep { get($w, '/')->{status} != 200 } 1 .. 6), 0, 'recovery: then nobody meets it');
        $w->allow(qr/server|upstream|connect|refused/i);
    });
}

# ---- balancing.conf
{
    my $w = example('balancing.conf', workers => 1);
    $w->upstream("s900$_", {do => 'fixed', body => $_}) for 1 .. 3;
    drive('balancing', $w, sub {
        my $ask = sub {
            my ($path, $n, @headers) = @_;
            return join '', map { get($w, $path, headers => \@headers)->{body} } 1 .. $n;
        };
        is($ask->('/round-robin/', 8), '12311231', 'balancing: in turn, two to one to one');
        is($ask->('/static/', 400) =~ tr/1//, 200, 'balancing: half of it');
        like($ask->("/$_/", 60), qr/(?=.*1)(?=.*2)(?=.*3)/, "balancing: $_ asks all")
            for qw(least-conn random least-pending);
        like($ask->('/least-time/', 10), qr/\A[123]{10}\z/, 'balancing: least-time');
        is($ask->('/first/', 4), '1111', 'balancing: first');
        my @keyed = (['/source/'], ['/uri/a/b/c'], ['/param/?user=joe'], ['/header/', 'X-Tenant' => 'joe'],
            ['/rdp/', Cookie => 'mstshash=joe'], ['/hash/', Cookie => 'session=joe']);
        for my $row (@keyed) {
            my ($path, @headers) = @$row;
            like($ask->($path, 10, @headers), qr/\A(.)\1{9}\z/, "balancing: $path stays");
        }
        like($ask->('/header/', 6), qr/\A(?:(...)\1)\z/, 'balancing: without a key in turn');
        is($ask->('/', 3, 'X-Canary' => 'always'), '333', 'balancing: the new version for who wants it');
    });
}

# ---- health.conf
{
    my $w    = example('health.conf');
    my %well = map { $_ => {'/healthz' => {do => 'fixed', body => "ok\n"}, '*' => {do => 'fixed', body => "server $_"}} } 1, 2;
    my $sick = {'/healthz' => {do => 'fixed', body => "no database\n"}, '*' => {do => 'fixed', body => 'server 2'}};
    my $one  = $w->upstream('s9001', $well{1});
    my $two  = $w->upstream('s9002', $sick);
    my $feed = $w->upstream('s9003', {do => 'fixed', body => 'feed'});
    drive('health', $w, sub {
        $w->allow(qr{"GET /" -> 503 upstream app: }, qr/server \S+ of upstream app (?:is down|has not passed)/);
        ok(Weir::wait_for(sub { get($w, '/')->{status} == 200 }), 'health: served by what has passed a check');
        my %count;
        $count{get($w, '/')->{body}}++ for 1 .. 10;
        is_deeply(\%count, {'server 1' => 10}, 'health: the server without its database gets nothing');
        is(get($w, '/feed/')->{body}, 'feed', 'health: the other service');
        $two->stop;
        $two = $w->upstream('s9002', $well{2});
        ok(Weir::wait_for(sub { get($w, '/')->{body} eq 'server 2' }), 'health: it is well again');
    });
}

# ---- overload.conf
{
    my $w = example('overload.conf', workers => 1);
    my @up = map { $w->upstream("s900$_", {'/slow' => 'hang', '*' => {do => 'fixed', body => "server $_"}}) } 1, 2;
    drive('overload', $w, sub {
        my %count;
        $count{get($w, '/checkout/')->{body}}++ for 1 .. 4;
        is_deeply(\%count, {'server 1' => 2, 'server 2' => 2}, 'overload: both in turn');
        my @all = map { my $c = $w->client('http'); $c->send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n"); $c } 1 .. 23;
        my $queued = qr/^weir_upstream_queued\{upstream="shop",server="[^"]+"\} 3$/m;
        ok(Weir::wait_for(sub { get($w, '/status/metrics')->{body} =~ $queued }), 'overload: three of them wait')
            or diag(get($w, '/status/metrics')->{body});
        $_->reset for @all;
        ok(Weir::wait_for(sub { get($w, '/reports/')->{status} == 200 }), 'overload: their places are free again');
    });
}

# ---- sticky.conf
{
    my $w  = example('sticky.conf');
    my @up = map {
        my $n = $_;
        $w->upstream("s900$n", {'*' => {do => 'fixed', body => $n, headers => ['Set-Cookie' => "SESSION=of-$n; Path=/"]}});
    } 1, 2;
    drive('sticky', $w, sub {
        my %seen;
        for my $path ('/', '/forum/', '/mail/') {
            my $name = $path eq '/' ? 'SHOPID' : 'SESSION';
            for (1 .. 4) {
                my $first = get($w, $path);
                my ($cookie) = grep { /\A$name=/ } map { (split /;/)[0] } headers($first, 'set-cookie');
                my @stays = grep { get($w, $path, headers => [Cookie => $cookie])->{body} eq $first->{body} } 1 .. 4;
                is(@stays, 4, "sticky: $path stays with server $first->{body}");
                $seen{"$path$first->{body}"} = $cookie;
            }
            is(scalar(grep { $seen{"$path$_"} } 1, 2), 2, "sticky: $path has both servers");
        }
        is($seen{'/mail/2'}, 'SESSION=of-2', 'sticky: learnt, the cookie is as it was');
        like($seen{'/forum/2'}, qr/\ASESSION=[\w-]+~of-2\z/, 'sticky: rewritten, the choice stands before it');
        get($w, '/forum/', headers => [Cookie => $seen{'/forum/2'}]);
        get($w, '/',       headers => [Cookie => "$seen{'/2'}; x=1"]);
        my @sent = map { headers($_, 'cookie') } $up[1]->seen;
        is_deeply([@sent[-2, -1]], ['SESSION=of-2', 'x=1'], 'sticky: the server sees its own cookie alone');
    });
}

# ---- cache.conf
{
    my $w  = example('cache.conf', workers => 1);
    my $up = $w->upstream('s9001', {do => 'fixed', body => 'page'});
    drive('cache', $w, sub {
        is(get($w, '/news')->{body}, 'page', 'cache: the application answers');
        my $r = $w->run('explain', '-c', '{{dir}}/weir.conf', '--json', 'http://127.0.0.1:' . $w->port('http') . '/news?b=2&utm_source=x&a=1');
        is(decode_json($r->{out})->{cache}{key}, 'http127.0.0.1:' . $w->port('http') . '/news?a=1&b=2', 'cache: the key');
    });
}

# ---- cache-purge.conf
{
    my $w  = example('cache-purge.conf');
    my $n  = 0;
    my $up = $w->upstream('s9001', sub {
        my ($conn, $req) = @_;
        my $tag  = $req->{target} =~ /ann/ ? 'author-ann' : 'author-bob';
        my $body = $$ . '.' . $n++;
        $conn->send("HTTP/1.1 200 OK\r\nCache-Tag: all, $tag\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
        return 1;
    });
    drive('cache-purge', $w, sub {
        my %first = map { $_ => get($w, $_)->{body} } '/ann', '/bob';
        is(get($w, $_)->{body}, $first{$_}, "cache-purge: $_ is kept") for sort keys %first;
        is(header(get($w, '/ann'), 'cache-tag'), undef, 'cache-purge: clients need not know of tags');
        my $r = Weir::Client->get($w->port('admin'), '/api/v1/cache/site/purge', method => 'POST', body => '{"tag": "author-ann"}',
            headers => [Host => 'localhost', 'Content-Type' => 'application/json']);
        is($r->{status}, 200, 'cache-purge: the application says what has changed');
        isnt(get($w, '/ann')->{body}, $first{'/ann'}, 'cache-purge: that is new');
        is(get($w, '/bob')->{body}, $first{'/bob'}, 'cache-purge: the other is not');
    });
}

# ---- canary.conf
{
    my $w = example('canary.conf');
    my @up = ($w->upstream('s9001', {do => 'fixed', body => 'stable'}),
        $w->upstream('s9002', {do => 'fixed', body => 'new'}));
    drive('canary', $w, sub {
        my $ask = sub {
            my ($n, @fields) = @_;
            my $from = '198.51.' . ($n >> 8) . '.' . ($n & 255);
            return get($w, '/', headers => ['X-Forwarded-For' => $from, @fields])->{body};
        };
        my @in = grep { $ask->($_) eq 'new' } 1 .. 400;
        ok(@in >= 4 && @in <= 45, 'canary: about five percent') or diag(scalar(@in) . ' of 400');
        my $who = $in[0] // 1;
        is(scalar(grep { $ask->($who) eq 'new' } 1 .. 10), 10, 'canary: who is in stays in');
        is($ask->($who, 'X-Canary' => 'never'), 'stable', 'canary: not who does not want it');
        my %in = map { $_ => 1 } @in;
        my ($out) = grep { !$in{$_} } 1 .. 400;
        is(scalar(grep { $ask->($out) eq 'stable' } 1 .. 10), 10, 'canary: who is out stays out');
        is($ask->($out, 'X-Canary' => 'always'), 'new', 'canary: who asks for it');
    });
}

# ---- http2.conf
{
    my $w  = example('http2.conf');
    my $up = $w->upstream('s9001', 'echo');
    drive('http2', $w, sub {
        my $c = Weir::H2->new(port => $w->port('http'), windows => 1);
        my ($app, $page) = map { $c->request(GET => $_) } '/app/x', '/';
        like($c->response($app)->{body}, qr{^GET /x HTTP/1\.1\r\n}, 'http2: the application');
        is($c->response($page)->{status}, 200, 'http2: the page');
        is(get($w, '/app/y')->{status}, 200, 'http2: HTTP/1 on the same port');
        $c->close;
        if (my $curl = program_in_path('curl')) {
            my $said = qx{$curl -s -o /dev/null -w '%{http_version} %{http_code}' --http2-prior-knowledge http://127.0.0.1:@{[$w->port('http')]}/};
            is($said, '2 200', 'http2: curl');
        }
    });
    $up->stop;
}

# ---- websocket.conf
{
    my $w    = example('websocket.conf');
    my $echo = site_program($w, 's9003', 'echo.pl');
    drive('websocket', $w, sub {
        ws_checks('websocket', $w);
        ws_checks('websocket from the page', $w, Origin => 'http://127.0.0.1:8080');
        my ($c, $r) = ws_open($w, Origin => 'http://elsewhere.test');
        is($r->{status}, 403, 'websocket: not from another page');
        is(get($w, '/')->{status}, 200, 'websocket: the page');
        is(get($w, '/assets/echo.js')->{status}, 200, 'websocket: its script');
    });
    end_program($echo);
}

# ---- grpc.conf: two servers that give messages back, of which one is not well in the end
sub grpc_server {
    my ($w, $name, $ill) = @_;
    return Weir::Fake->start(port => $w->port($name), serve => sub {
        my ($sock) = @_;
        my $h = Weir::H2Peer->server($sock) or return;
        my %path;
        while (my $f = $h->next) {
            my $s = $f->{stream};
            $path{$s} = $f->{fields}{':path'} if $f->{fields};
            next if !$f->{end};
            my $answer = $path{$s} =~ /Health/ ? pack('CNCC', 0, 2, 8, 1) : $f->{payload} // '';
            my @type = (':status' => 200, 'content-type' => 'application/grpc');
            if ($ill && $path{$s} =~ /Catalogue/) {
                $h->headers($s, [@type, 'grpc-status' => 14], 1);
                next;
            }
            $h->headers($s, [@type, 'x-server' => $name]);
            $h->data($s, $answer);
            $h->headers($s, ['grpc-status' => 0], 1);
        }
    });
}

{
    my $w = example('grpc.conf', workers => 1);
    my @servers = (grpc_server($w, 's9001', 1), grpc_server($w, 's9002', 0));
    my $call = sub {
        my ($path) = @_;
        my $h = Weir::H2Peer->client(IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $w->port('http')));
        my $s = $h->post($path, [te => 'trailers', 'content-type' => 'application/grpc']);
        $h->data($s, pack('CNa*', 0, 2, 'hi'), 1);
        return $h->answer($s) // {};
    };
    drive('grpc', $w, sub {
        $w->allow(qr/upstream/);
        my %by;
        for (1 .. 8) {
            my $r = $call->('/shop.Cart/Add');
            is($r->{trailers}{'grpc-status'}, 0, 'grpc: a call is answered');
            $by{$r->{head}{'x-server'}}++;
        }
        is(join(' ', sort keys %by), 's9001 s9002', 'grpc: by both servers');
        is($call->('/shop.Catalogue/List')->{trailers}{'grpc-status'}, 0, 'grpc: who is not available is not the last word')
            for 1 .. 4;
    });
    $_->stop for @servers;
}

# ---- tls.conf

SKIP: {
    skip 'no openssl here', 1 if !program_in_path('openssl');
    my $w = example('tls.conf', before => \&tls_certificates);
    my $ask = sub {
        my ($name, @args) = @_;
        my $c = Weir::Tls->client(port => $w->port('https'), dir => $w->dir, host => $name, args => [@args]);
        $c->send(request_bytes(GET => '/', [Host => $name, Connection => 'close']));
        return $c->read_response // {status => 0, body => ''};
    };
    my $ca = $w->dir . '/tls';
    my @checked = (qw(-verify_return_error -verify 1 -CAfile), "$ca/site.pem");
    drive('tls', $w, sub {
        my $r = get($w, '/a?b', headers => [Host => 'example.test']);
        is($r->{status}, 301, 'tls: http is sent away');
        like(header($r, 'location'), qr{^https://example\.test:\d+/a\?b$}, 'tls: to https');
        is($ask->('example.test', @checked, qw(-verify_hostname example.test))->{status}, 200, 'tls: the site');
        my $staff = $ask->('staff.example.test', @checked, qw(-verify_hostname staff.example.test), '-cert',
            "$ca/staff.pem", '-key', "$ca/staff.key");
        is($staff->{body}, "staff only\n", 'tls: staff with a certificate, and the wildcard');
        ok(!$ask->('staff.example.test')->{status}, 'tls: staff without');
        is($ask->('shop.test', qw(-verify_return_error -verify 1 -CAfile), "$ca/shop-$_->[0].pem", '-sigalgs', $_->[1])->{body},
            "the shop\n", "tls: the shop by $_->[0]")
            for ['ec', 'ECDSA+SHA256'], ['rsa', 'RSA-PSS+SHA256'];
    });
}

# ---- programs that people use, each to its end

my $host = 'example.test';    # of site.conf

# curl against the site: pages, a form with its redirect and cookies, an upload, a resumed download, HTTP/1.0.
sub curl_checks {
    my ($label, $w, $curl) = @_;
    my $dir = tempdir(CLEANUP => 1);
    my $url = 'http://127.0.0.1:' . $w->port('http');
    my @run = ($curl, qw(-sS --max-time 30), '-H', "Host: $host");
    my $one = sub {
        my ($name, $want, @args) = @_;
        my $got = output_of(@run, @args) // 'curl failed';
        like($got, $want, "$label: $name");
        return;
    };
    my @status = ('-o', '/dev/null', '-w', '%{http_code} %{http_version}');
    $one->('a page', qr{Welcome, curl\.}, "$url/?name=curl");
    $one->('HEAD', qr{\AHTTP/1\.1 200 }, '-I', "$url/assets/style.css");
    $one->('HTTP/1.0', qr{\A200 1\.[01]\z}, '-0', @status, "$url/");
    $one->('several on one connection', qr{\A200 1\.1200 1\.1\z}, @status, "$url/assets/style.css",
        '-o', '/dev/null', "$url/api/items");
    $one->('JSON', qr{"name"}, '-H', 'Content-Type: application/json', '-d', '{"name":"hoe"}',
        "$url/api/items");
    $one->('a chunked body', qr{"length":\s*5\b}, '-H', 'Transfer-Encoding: chunked', '-d', 'abcde',
        "$url/api/echo");
    $one->('Expect: 100-continue', qr{"length":\s*60000\b}, '-H', 'Expect: 100-continue', '--data-binary',
        'x' x 60_000, "$url/api/echo");
    $one->('login', qr{\A302 }, '-c', "$dir/jar", '-d', 'user=ada',
        '--data-urlencode', 'password=engine & co', @status, "$url/login");
    $one->('its cookies', qr{Hello ada}, '-b', "$dir/jar", "$url/admin/");
    $one->('a part of a file', qr{\A206 }, '-r', '2-5', @status, "$url/assets/style.css");
    $one->('what is not there', qr{\A404 }, @status, "$url/.git/config");
    return;
}

# wrk for a second on each path: every response is 2xx, and no connection fails.
sub wrk_checks {
    my ($label, $w, $wrk) = @_;
    my $dir = tempdir(CLEANUP => 1);
    open my $lua, '>', "$dir/count.lua" or die "count.lua: $!\n";
    print {$lua} <<'LUA';
local threads = {}
function setup(thread) table.insert(threads, thread) end
function init(args) good, bad = 0, 0 end
function response(status)
    if status >= 200 and status < 300 then good = good + 1 else bad = bad + 1 end
end
function done(summary, latency, requests)
    local good, bad, e = 0, 0, summary.errors
    for _, thread in ipairs(threads) do good, bad = good + thread:get("good"), bad + thread:get("bad") end
    local failed = e.connect + e.read + e.write + e.timeout
    print(string.format("counted: good %d bad %d errors %d", good, bad, failed))
end
LUA
    close $lua or die "count.lua: $!\n";
    for my $path ('/', '/api/items', '/assets/style.css') {
        my $text = output_of($wrk, qw(-t 1 -c 8 -d 1s --timeout 20s -s), "$dir/count.lua",
            '-H', "Host: $host", 'http://127.0.0.1:' . $w->port('http') . $path) // '';
        my ($good, $bad, $errors) = $text =~ /^counted: good (\d+) bad (\d+) errors (\d+)$/m;
        ok($good, "$label: wrk has answers from $path") or diag($text);
        is_deeply([$bad, $errors], [0, 0], "$label: all of them are 2xx, no connection failed")
            or diag($text);
    }
    return;
}

# With the programs that are here.
sub program_checks {
    my ($label, $w) = @_;
    my ($curl, $wrk, $chromium) = map { program_in_path($_) } qw(curl wrk chromium);
    SKIP: {
        skip 'no curl here', 1 if !$curl;
        curl_checks("$label, curl", $w, $curl);
    }
    SKIP: {
        skip 'no wrk here', 1 if !$wrk;
        wrk_checks($label, $w, $wrk);
    }
    SKIP: {
        skip 'no Chromium here', 1 if !$chromium;
        browser_checks("$label, browser", $w, $chromium);
    }
    return;
}

# ---- site.conf


sub blog_checks {
    my ($label, $w) = @_;
    my $r = get($w, '/?name=%3Cb%3E', headers => [Host => $host]);
    is($r->{status}, 200, "$label: front page");
    like($r->{body}, qr{Welcome, &lt;b&gt;\.}, "$label: the query arrives");
    is(header($r, 'x-powered-by'), undef, "$label: a response header removed");
    is(header($r, 'x-content-type-options'), 'nosniff', "$label: a response header set");
    $r = get($w, '/style.css', headers => [Host => $host]);
    my $etag = header($r, 'etag') // 'none';
    is(get($w, '/style.css', headers => [Host => $host, 'If-None-Match' => $etag])->{status}, 304,
        "$label: not modified, said by the site");
    is(get($w, '/post/1', headers => [Host => $host])->{body} =~ m{href="\.\./post/2"} ? 1 : 0, 1,
        "$label: relative links as they were");
    is(get($w, '/nothing', headers => [Host => $host])->{status}, 404, "$label: its own 404");
    login_checks($label, $w);
    is(get($w, $_, headers => [Host => $host])->{body}, "No.\n", "$label: $_ does not reach the site")
        for qw(/.git/config /.env /xmlrpc.php);
    $r = get($w, '/a/b?c=1', headers => [Host => 'www.example.test']);
    is("$r->{status} " . (header($r, 'location') // ''), '301 http://example.test/a/b?c=1',
        "$label: www is redirected");
    is(get($w, '/assets/style.css', headers => [Host => $host])->{status}, 200, "$label: files beside it");
    return;
}

sub login_checks {
    my ($label, $w) = @_;
    my @form = (Host => $host, 'Content-Type' => 'application/x-www-form-urlencoded');
    is(post($w, '/login', 'user=ada&password=no', @form)->{status}, 403, "$label: wrong password");
    my $r = get($w, '/admin/', headers => [Host => $host]);
    is("$r->{status} " . (header($r, 'location') // ''), "302 http://$host/login",
        "$label: login is asked for");
    $r = post($w, '/login', 'user=ada&password=engine+%26+co', @form);
    is("$r->{status} " . (header($r, 'location') // ''), "302 http://$host/admin/", "$label: logged in");
    my @set = headers($r, 'set-cookie');
    is(scalar(grep { /;\s*samesite=lax/i } @set), 2, "$label: both cookies, SameSite on both") or diag(@set);
    my $cookie = join '; ', map { /\A([^;]+)/ } @set;
    like(get($w, '/admin/', headers => [Host => $host, Cookie => $cookie])->{body}, qr{Hello ada},
        "$label: the cookie opens the door");
    my $bytes = join '', map { chr($_ * 7 % 256) } 1 .. 300_000;
    my $body = "--cut\r\nContent-Disposition: form-data; name=\"f\"; filename=\"photo.bin\"\r\n"
        . "Content-Type: application/octet-stream\r\n\r\n$bytes\r\n--cut--\r\n";
    $r = post($w, '/admin/upload', $body, Host => $host, Cookie => $cookie,
        'Content-Type' => 'multipart/form-data; boundary=cut');
    is($r->{status}, 303, "$label: upload");
    like(header($r, 'location') // '', qr{files/photo\.bin\z}, "$label: to where it is");
    ok(get($w, '/files/photo.bin', headers => [Host => $host])->{body} eq $bytes,
        "$label: the same bytes again");
    return;
}

sub api_checks {
    my ($label, $w) = @_;
    my $r = get($w, '/api/items', headers => [Host => $host]);
    is(scalar @{decode_json($r->{body})}, 2, "$label: a list");
    is(header($r, 'cache-control'), 'no-store', "$label: a response header set");
    $r = post($w, '/api/items', '{"name":"rake"}', Host => $host, 'Content-Type' => 'application/json');
    is($r->{status}, 201, "$label: created");
    my $where = header($r, 'location') // '';
    like($where, qr{\Ahttp://\Q$host\E/api/items/3\z}, "$label: its address has /api");
    my $path = $where =~ s{\Ahttp://[^/]+}{}r;
    is(decode_json(get($w, $path, headers => [Host => $host])->{body})->{name}, 'rake', "$label: read again");
    is(get($w, $path, method => 'DELETE', headers => [Host => $host])->{status}, 204, "$label: deleted");
    is(get($w, $path, headers => [Host => $host])->{status}, 404, "$label: gone");
    is(post($w, '/api/echo', 'x' x 150_000, Host => $host)->{status}, 413, "$label: too large");
    is(decode_json(post($w, '/api/echo', 'x' x 90_000, Host => $host)->{body})->{length}, 90_000,
        "$label: large enough");
    arrival_checks($label, $w);
    return;
}

# What is sent bit by bit arrives bit by bit.
sub arrival_checks {
    my ($label, $w) = @_;
    my $c = $w->client('http');
    $c->send(request_bytes(GET => '/api/stream', [Host => $host, Connection => 'close']));
    my ($text, $first) = ('');
    while ((my $bytes = $c->read_some) ne '') {
        $text .= $bytes;
        $first //= time if $text =~ /piece 1/;
    }
    like($text, qr/piece 1.*piece 5/s, "$label: the whole stream");
    ok(defined $first && time - $first > 0.15, "$label: its first piece long before its last");
    $c = $w->client('http');
    $c->send(request_bytes(GET => '/api/events', [Host => $host, Accept => 'text/event-stream']));
    $text = '';
    while ($text !~ /tick 3\n/ && (my $bytes = $c->read_some) ne '') {
        $text .= $bytes;
    }
    like($text, qr{content-type: text/event-stream.*tick 1.*tick 2.*tick 3}is,
        "$label: events as they happen");
    $c->close;
    return;
}

# The page /browser of the site in Chromium: its script uses the API and the echo.
sub browser_checks {
    my ($label, $w, $chromium) = @_;
    my $dir  = tempdir(CLEANUP => 1);
    my $url  = 'http://127.0.0.1:' . $w->port('http') . '/browser';
    ok(browse($dir, $chromium, '--dump-dom', $url), "$label: ended by itself");
    my $dom = do { open my $fh, '<', "$dir/dom" or die "dom: $!\n"; local $/; <$fh> // '' };
    like($dom, qr{<li>$_ works</li>}, "$label: $_") for qw(websocket events stream post login);
    browse($dir, $chromium, "--screenshot=$dir/shot.png", $url =~ s/browser\z//r);
    my $png = do { open my $fh, '<:raw', "$dir/shot.png" or die "screenshot: $!\n"; read $fh, my $b, 8; $b };
    is($png, "\x89PNG\r\n\x1a\n", "$label: a screenshot");
    return;
}

{
    my $w    = example('site.conf');
    my $data = tempdir(CLEANUP => 1);
    mkdir "$data/$_" for qw(blog api);
    my @programs = (
        site_program($w, 's9001', 'blog.pl', "$data/blog"),
        site_program($w, 's9002', 'api.pl', "$data/api"),
        site_program($w, 's9003', 'echo.pl'),
    );
    drive('site', $w, sub {
        blog_checks('site', $w);
        api_checks('site api', $w);
        ws_checks('site echo', $w, Origin => "http://$host");
        program_checks('site', $w);
    });
    end_program($_) for @programs;
}

SKIP: {
    my ($php, $node) = map { program_in_path($_) } qw(php node);
    skip 'no PHP here', 1 if !$php;
    skip 'no Node here', 1 if !$node;
    my $w    = example('site.conf');
    my $data = tempdir(CLEANUP => 1);
    my %port = map { $_ => $w->port("s$_") } 9001 .. 9003;
    my @programs = (
        start_program($port{9001}, [$php, '-S', "127.0.0.1:$port{9001}", "$Bin/sites/blog.php"],
            env => {BLOG_DIR => $data, PHP_CLI_SERVER_WORKERS => 8}),
        start_program($port{9002}, [$node, "$Bin/sites/api.js",  $port{9002}]),
        start_program($port{9003}, [$node, "$Bin/sites/echo.js", $port{9003}]),
    );
    drive('php and node', $w, sub {
        blog_checks('php', $w);
        api_checks('node api', $w);
        ws_checks('node echo', $w, Origin => "http://$host");
        program_checks('php and node', $w);
    });
    end_program($_) for @programs;
}

# ---- https.conf: sent to https, told to stay, and a site for those with a certificate
SKIP: {
    skip 'no openssl command', 1 if system 'openssl version >/dev/null 2>&1';
    my $w = example('https.conf', before => sub {
        my $dir = $_[0]->dir;
        Weir::Tls->certificate($dir, 'weir', hosts => ['localhost', 'staff.localhost']);
        Weir::Tls->certificate($dir, 'ann', subject => '/CN=ann');
    });
    my $https = sub {
        my ($sni, $host, @args) = @_;
        return Weir::Tls->get($w->port('https'), '/', dir => $w->dir, host => $sni, headers => [Host => $host], args => \@args) // {status => 0, body => ''};
    };
    drive('https', $w, sub {
        my $r = get($w, '/a?b', headers => [Host => 'localhost']);
        is($r->{status}, 301, 'https: without TLS one is sent there');
        is(header($r, 'Location'), 'https://localhost:' . $w->port('https') . '/a?b', 'https: to the same address');
        $r = $https->('localhost', 'localhost');
        like($r->{body}, qr/^Hello over TLSv1\.3$/, 'https: served');
        is(header($r, 'Strict-Transport-Security'), 'max-age=2592000', 'https: and told to come back that way');
        my @ann = map { ("-$_->[0]", $w->dir . "/ann.$_->[1]") } ['cert', 'pem'], ['key', 'key'];
        like($https->('staff.localhost', 'staff.localhost', @ann)->{body}, qr/^Hello CN=ann, [0-9a-f]{64}$/, 'https: a certificate');
        isnt($https->('staff.localhost', 'staff.localhost')->{status} // 0, 200, 'https: none');
        is($https->('localhost', 'staff.localhost', @ann)->{status}, 421, 'https: another name in the handshake');
    });
}

# ---- example('tcp.conf') is driven in t/39-tcp.t, by clients that speak no HTTP; example('acme.conf') in t/33-acme.t,
# with an authority beside it; example('transparent.conf') in t/81-transparent.t, on machines of their own

# ---- every example is in this test
{
    open my $fh, '<', __FILE__ or die "$!\n";
    my $text = do { local $/; <$fh> };
    for my $file (glob "$examples/*.conf") {
        my $name = $file =~ s{.*/}{}r;
        ok(index($text, "example('$name'") >= 0, "$name is driven");
    }
}

done_testing();
